"""Nothing is lost: real worker processes, killed and started again."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.contrib.auth import get_user_model
from django.db import transaction
from django.utils import timezone

from esputnik_connector.models import Lane, OutboxMessage, SyncState, Wake
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


def leases_run_out() -> None:
    """As if the seconds for which a worker that died had kept all others away were over."""
    now = timezone.now()
    for rows in (Lane.objects.all(), Wake.objects.all()):
        rows.filter(leased_until__gt=now).update(leased_until=now)


def a_minute_goes_by(fake) -> None:
    """eSputnik takes a request of before anew, and what was put off till then is due."""
    fake.configure(duplicate_seconds=0)
    OutboxMessage.objects.update(due_at=timezone.now())


def nothing_is_due() -> bool:
    return not OutboxMessage.objects.filter(due_at__lte=timezone.now()).exists()


def refused_as_repeated(fake) -> bool:
    return any(request.status == 409 for request in fake.requests(path="/api/v1/contact"))


def test_a_worker_killed_between_question_and_answer_asks_again_after_the_minute(
    fake, live, worker
):
    """One by one: eSputnik has taken it, and what it said never arrived."""
    fake.script(Fault("delay", path="/api/v1/contact", seconds=3, when="after"))
    with transaction.atomic():
        users = [register(number) for number in range(5)]
    worker.start()
    fake.wait_for(lambda: fake.requests(path="/api/v1/contact"), timeout=60)
    worker.kill()
    assert not nothing_is_left()
    leases_run_out()
    worker.start()
    fake.wait_for(lambda: refused_as_repeated(fake), timeout=60)
    fake.wait_for(nothing_is_due, timeout=60)  # how many were under way is the machine's doing
    late = OutboxMessage.objects.order_by("due_at").last()
    assert timedelta(seconds=30) < late.due_at - timezone.now() <= timedelta(seconds=61)
    assert not OutboxMessage.objects.dead().exists()
    a_minute_goes_by(fake)
    fake.wait_for(lambda: everybody_is_known(fake, users) and nothing_is_left(), timeout=60)
    assert SyncState.objects.exclude(digest="").count() == 5
    assert fake.violations == []


@pytest.mark.parametrize(
    ("when", "is_waited_for"),
    [
        pytest.param("before", False, id="as an import, not looked at"),
        pytest.param("after", True, id="as an import"),
    ],
)
def test_a_worker_killed_in_the_middle_of_a_batch_loses_nothing(
    fake, live, worker, when, is_waited_for
):
    """``before``: eSputnik has not looked at the request yet; ``after``: it has, and the answer
    never arrives. Once the next worker waits by itself until all that the killed one held is free.
    """
    path = "/api/v1/contacts"
    fake.script(Fault("delay", path=path, seconds=3, when=when))
    with transaction.atomic():
        users = [register(number) for number in range(80)]
    worker.start()
    fake.wait_for(lambda: fake.requests(path=path), timeout=60)
    worker.kill()
    assert not nothing_is_left()
    if not is_waited_for:
        leases_run_out()
    worker.start()
    fake.wait_for(lambda: everybody_is_known(fake, users) and nothing_is_left(), timeout=150)
    assert SyncState.objects.exclude(digest="").count() == 80
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
