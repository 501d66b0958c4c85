"""Nothing is lost: real worker processes, killed and started again."""

from __future__ import annotations

import pytest
from django.contrib.auth import get_user_model
from django.db import transaction

from esputnik_connector.models import OutboxMessage, SyncState
from esputnik_connector.testing.fake_esputnik import Fault

pytestmark = pytest.mark.slow


def register(number: int):
    return get_user_model().objects.create_user(
        f"buyer{number}", f"buyer{number}@example.com", first_name=f"Name{number}"
    )


def nothing_is_left() -> bool:
    return not OutboxMessage.objects.exists()


def everybody_is_known(fake, users) -> bool:
    return {str(user.pk) for user in users} <= set(fake.contacts)


@pytest.mark.parametrize(
    ("count", "when"),
    [
        pytest.param(5, "after", id="one by one"),
        pytest.param(80, "before", id="as an import, not looked at"),
        pytest.param(80, "after", id="as an import"),
    ],
)
def test_a_worker_killed_in_the_middle_of_a_batch_loses_nothing(fake, live, worker, when, count):
    """``before``: eSputnik has not looked at the request yet; ``after``: it has, and the answer
    never arrives."""
    path = "/api/v1/contacts" if count > 10 else "/api/v1/contact"
    fake.script(Fault("delay", path=path, seconds=3, when=when))
    with transaction.atomic():
        users = [register(number) for number in range(count)]
    worker.start()
    fake.wait_for(lambda: fake.requests(path=path), timeout=30)
    worker.kill()
    assert not nothing_is_left()
    worker.start()
    # Longer than the minute in which eSputnik takes the same request for a repetition.
    fake.wait_for(lambda: everybody_is_known(fake, users) and nothing_is_left(), timeout=150)
    assert SyncState.objects.exclude(digest="").count() == count
    assert fake.violations == []


def test_a_rolled_back_transaction_sends_nothing(fake, live, worker):
    worker.start()
    with pytest.raises(ZeroDivisionError), transaction.atomic():
        ghost = register(1)
        raise ZeroDivisionError
    sentinel = register(2)
    fake.wait_for(lambda: everybody_is_known(fake, [sentinel]), timeout=30)
    assert str(ghost.pk) not in fake.contacts
    assert len(fake.requests(method="POST")) == 1


def test_a_change_arrives_within_seconds_without_waiting_for_a_sweep(fake, live, worker):
    worker.environment["DJANGO_SETTINGS_MODULE"] = "tests.worker_without_sweep_settings"
    worker.start()
    worker.wait_until_ready()
    user = register(1)
    fake.wait_for(lambda: everybody_is_known(fake, [user]), timeout=10)
    user.first_name = "Changed"
    user.save()
    fake.wait_for(lambda: fake.contacts[str(user.pk)]["firstName"] == "Changed", timeout=5)
