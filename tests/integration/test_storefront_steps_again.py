"""One failed step is tried again alone: the others are left alone, and the daily round stays."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import pytest
from django.utils import timezone

from esputnik_connector import tasks
from esputnik_connector.models import Connection, Storefront
from esputnik_connector.models.storefront import StepName
from esputnik_connector.operations.storefront import steps
from esputnik_connector.operations.storefront.connect import StorefrontChoices, connect
from esputnik_connector.operations.storefront.run import work, work_when_due
from esputnik_connector.operations.storefront.schedule import (
    ask_for_step,
    ask_for_work,
    asked_steps,
    due_storefronts,
)
from esputnik_connector.operations.storefront.worker_check import Seen
from esputnik_connector.testing.fake_esputnik import FakeEsputnik, Fault
from tests.storefronts import DOMAINS, PUSH, SCRIPT, account_at, fast, states

pytestmark = pytest.mark.django_db

HOUR = timedelta(hours=1)


@pytest.fixture
def fake() -> Iterator[FakeEsputnik]:
    with FakeEsputnik() as server:
        yield server
        server.assert_contract_kept()


@pytest.fixture
def account(fake, settings) -> Connection:
    fast(settings, SHOP_URL="https://shop.example")
    return account_at(fake)


@pytest.fixture(autouse=True)
def _public_shop(monkeypatch) -> None:
    monkeypatch.setattr(steps, "look", lambda _storefront: Seen(detail="seen"))


def connected(account: Connection, *, is_push: bool = True) -> Storefront:
    storefront = connect(account, StorefrontChoices(is_push=is_push))
    assert work(storefront)
    storefront.refresh_from_db()
    return storefront


def asked(fake: FakeEsputnik, since: int) -> set[str]:
    return {entry.path for entry in fake.log[since:]}


def again(storefront: Storefront, name: StepName, fake: FakeEsputnik) -> set[str]:
    """What the account was asked for it."""
    fake.clear_faults()
    since = len(fake.log)
    assert ask_for_step(storefront, name)
    work_when_due(Storefront.objects.select_related("connection").get())
    return asked(fake, since)


@pytest.fixture
def without_script(account, fake) -> Storefront:
    """All is done but the site script."""
    fake.script(Fault("status", path=SCRIPT, status=404, times=None))
    return connected(account)


def test_the_step_alone_is_done(without_script, fake):
    assert states(without_script)["script"] == "failed/no_domain"
    assert again(without_script, StepName.SCRIPT, fake) == {SCRIPT}
    assert set(states(without_script).values()) == {"done"}


def test_what_waits_for_it_is_done_too_and_nothing_else(account, fake):
    fake.script(Fault("status", path=PUSH, status=400, body={"message": "no"}, times=None))
    storefront = connected(account)
    assert states(storefront)["push_script"] == "waiting/waits"
    assert not again(storefront, StepName.PUSH_DOMAIN, fake) & {DOMAINS, SCRIPT}
    assert set(states(storefront).values()) == {"done"}


def test_the_daily_round_comes_when_it_was_to_come(without_script, fake):
    usual = without_script.refreshed_at + timedelta(days=1)
    again(without_script, StepName.SCRIPT, fake)
    without_script.refresh_from_db()
    assert without_script.due_at == usual
    assert due_storefronts() == []
    Storefront.objects.update(due_at=timezone.now(), refreshed_at=timezone.now() - 25 * HOUR)
    since = len(fake.log)
    tasks.storefront(without_script.pk)
    assert {DOMAINS, SCRIPT} <= asked(fake, since)


def test_one_that_fails_for_the_moment_is_tried_soon(without_script, fake):
    fake.clear_faults()
    fake.script(Fault("status", path=SCRIPT, status=503, times=None))
    assert ask_for_step(without_script, StepName.SCRIPT)
    work_when_due(Storefront.objects.select_related("connection").get())
    without_script.refresh_from_db()
    assert states(without_script)["script"] == "failed/no_answer"
    rest = without_script.due_at - timezone.now()
    assert timedelta(minutes=14) < rest <= timedelta(minutes=15)


def test_a_step_that_did_not_fail_asks_for_nothing(without_script):
    before = Storefront.objects.get().due_at
    assert not ask_for_step(without_script, StepName.DOMAIN)
    assert Storefront.objects.get().due_at == before
    assert asked_steps(without_script) == set()


def test_to_ask_for_all_is_still_possible(without_script, fake):
    fake.clear_faults()
    since = len(fake.log)
    ask_for_work(without_script)
    work_when_due(Storefront.objects.select_related("connection").get())
    assert {DOMAINS, SCRIPT} <= asked(fake, since)


def test_two_steps_that_were_asked_for_are_both_done(account, fake):
    fake.script(
        Fault("status", path=SCRIPT, status=404, times=None),
        Fault("status", path=PUSH, status=400, body={"message": "no"}, times=None),
    )
    storefront = connected(account)
    assert ask_for_step(storefront, StepName.SCRIPT)
    again(storefront, StepName.PUSH_DOMAIN, fake)
    assert set(states(storefront).values()) == {"done"}


def test_who_asks_while_a_worker_is_at_it_is_not_forgotten(without_script, fake, monkeypatch):
    def meanwhile(storefront: Storefront, site: object) -> object:
        Storefront.objects.filter(pk=storefront.pk).update(due_at=timezone.now())
        return steps.StepResult(detail="there", values={"script": "<script></script>"})

    (found,) = [one for one in steps.STEPS if one.name is StepName.SCRIPT]
    monkeypatch.setattr(type(found), "__setattr__", object.__setattr__)
    monkeypatch.setattr(found, "do", meanwhile)
    again(without_script, StepName.SCRIPT, fake)
    assert due_storefronts() == [without_script.pk]
