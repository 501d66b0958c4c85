"""History over real processes, a real broker and a real database, with the fake eSputnik.

After each: what eSputnik accepted is exactly what the shop has to give.
"""

from __future__ import annotations

import io
import json
import time
from collections import Counter
from collections.abc import Iterator
from decimal import Decimal

import pytest
from django.contrib.auth import get_user_model
from django.core.management import call_command
from django.utils import timezone
from oscar.core.loading import get_model

from esputnik_connector import tasks
from esputnik_connector.models import Backfill, Connection, OutboxMessage, SyncState
from esputnik_connector.pipeline.backfill import control
from esputnik_connector.pipeline.broker import publisher
from esputnik_connector.pipeline.wake import wake_backfill
from esputnik_connector.records import Kind
from esputnik_connector.testing.fake_esputnik import FakeEsputnik, Fault
from tests.live.conftest import database_url
from tests.live.parts import Worker

GUESTS = 30  # enough for an import of their own

pytestmark = pytest.mark.slow

ORDERS = "/api/v1/orders"
FIRST = 20  # orders go so few together until the account has shown how it names refusals
PAST = "/api/v3/past_events"
CONTACTS = "/api/v1/contacts"


@pytest.fixture
def shop(live: Connection) -> Connection:
    """1,200 orders of 400 customers, each noted by nobody: they were there before."""
    users = get_user_model().objects.bulk_create(
        get_user_model()(username=f"buyer{n}", email=f"buyer{n}@example.com", password="!")
        for n in range(400)
    )
    order = get_model("order", "Order")
    placed = order.objects.bulk_create(
        order(
            number=str(100_000 + n), currency="UAH", status="New", user=users[n % 400],
            total_incl_tax=Decimal(10), total_excl_tax=Decimal(10),
            date_placed=timezone.now(), shipping_incl_tax=0, shipping_excl_tax=0,
        )
        for n in range(1200)
    )  # fmt: skip
    line = get_model("order", "Line")
    line.objects.bulk_create(
        line(
            order=one, title="Thing", partner_sku="sku", quantity=1, num_allocated=0, upc="",
            line_price_incl_tax=10, line_price_excl_tax=10,
            line_price_before_discounts_incl_tax=10, line_price_before_discounts_excl_tax=10,
        )
        for one in placed
    )  # fmt: skip
    return live


@pytest.fixture
def second_worker(live: Connection, worker: Worker, tmp_path) -> Iterator[Worker]:
    other = Worker(
        database_url=database_url(),
        broker_url=worker.environment["REDIS_URL"],
        log=tmp_path / "second.log",
    )
    yield other
    other.kill()


def start(connection: Connection, kind: Kind = Kind.ORDER, route: str = "orders") -> Backfill:
    run, _ = control.start(connection, kind, route=route)
    wake_backfill(run.pk)
    return run


def is_over(run: Backfill) -> bool:
    run.refresh_from_db()
    return run.state in ("finished", "paused", "cancelled")


def numbers() -> set[str]:
    return set(get_model("order", "Order").objects.values_list("number", flat=True))


def accepted(fake: FakeEsputnik, path: str = ORDERS) -> Counter[str]:
    """Order number → in how many answered requests it was."""
    found: Counter[str] = Counter()
    for request in fake.requests(path=path):
        if request.status == 200:
            found.update(names_in(request.body))
    return found


def names_in(body: dict) -> list[str]:
    if "events" in body:
        return [event["params"]["externalOrderId"] for event in body["events"]]
    return [order["externalOrderId"] for order in body["orders"]]


def assert_all_arrived(fake: FakeEsputnik, run: Backfill) -> None:
    assert set(fake.orders) == numbers()
    assert (run.state, run.left) == ("finished", 0)
    assert run.done == run.total == 1200
    assert SyncState.objects.exclude(digest="").filter(kind="order").count() == 1200
    assert fake.violations == []


def test_a_pause_in_the_middle_of_a_request(fake, shop, worker):
    fake.script(Fault("delay", path=ORDERS, seconds=2))
    worker.start()
    run = start(shop)
    fake.wait_for(lambda: fake.requests(path=ORDERS), timeout=30)
    assert control.pause(run)
    fake.wait_for(lambda: len(fake.orders) == FIRST, timeout=10)
    time.sleep(3)  # a worker that overlooked the pause would send on
    run.refresh_from_db()
    assert (run.state, run.counts) == ("paused", {"delivered": FIRST})
    assert len(fake.requests(path=ORDERS)) == 1
    control.resume(run)
    wake_backfill(run.pk)
    fake.wait_for(lambda: is_over(run), timeout=30)
    assert_all_arrived(fake, run)
    assert set(accepted(fake).values()) == {1}


@pytest.mark.parametrize("when", ["before", "after"])
def test_a_worker_killed_in_the_middle_of_a_request(fake, shop, worker, when):
    """``before``: eSputnik has not looked at it yet; ``after``: it has, and only we do not know.
    Nothing that was settled goes again, and of the rest only the one request that was cut."""
    worker.start()
    fake.script(Fault("delay", path=ORDERS, seconds=3, when=when))
    run = start(shop)
    fake.wait_for(lambda: fake.requests(path=ORDERS), timeout=30)
    worker.kill()
    worker.start()
    fake.wait_for(lambda: is_over(run), timeout=60)
    assert_all_arrived(fake, run)
    cut, *others = [set(names_in(request.body)) for request in fake.requests(path=ORDERS)]
    assert cut == others[0]
    assert sum(map(len, others)) == 1200


def test_two_workers_and_two_starts_send_everything_once(fake, shop, worker, second_worker):
    worker.start()
    second_worker.start()
    runs = [start(shop), start(shop)]
    for _ in range(10):
        tasks.backfill.apply_async((runs[0].pk,))
    assert runs[0] == runs[1]
    fake.wait_for(lambda: is_over(runs[0]), timeout=60)
    assert_all_arrived(fake, runs[0])
    assert set(accepted(fake).values()) == {1}
    assert len(fake.requests(path=ORDERS)) == 4  # twenty at first


def test_a_batch_that_answers_502_for_a_while_heals(fake, shop, worker):
    fake.script(Fault("status", path=ORDERS, status=502, times=2))
    worker.start()
    run = start(shop)
    fake.wait_for(lambda: is_over(run), timeout=90)
    assert_all_arrived(fake, run)
    assert set(accepted(fake).values()) == {1}
    assert not OutboxMessage.objects.exists()


def test_too_many_requests_are_waited_out(fake, shop, worker):
    fake.script(Fault("status", path=ORDERS, status=429, headers={"Retry-After": "8"}, times=1))
    worker.start()
    run = start(shop)
    fake.wait_for(lambda: is_over(run), timeout=60)
    assert_all_arrived(fake, run)
    first, second, *_ = fake.requests(path=ORDERS)
    assert second.monotonic - first.monotonic >= 8
    assert set(accepted(fake).values()) == {1}


def test_a_quiet_history_starts_no_workflow(fake, shop, worker):
    worker.start()
    run = start(shop, route="past_events")
    fake.wait_for(lambda: is_over(run), timeout=60)
    assert_all_arrived(fake, run)
    assert set(accepted(fake, PAST).values()) == {1}
    assert not fake.requests(path=ORDERS)
    assert not any(event["starts_workflow"] for event in fake.events())


@pytest.mark.parametrize("as_object", [False, True], ids=["a list", "an object"])
def test_imports_that_end_late_and_refuse_somebody(fake, shop, worker, as_object):
    """One is refused in the answer, one in the import itself."""
    pks = [str(pk) for pk in get_user_model().objects.order_by("pk").values_list("pk", flat=True)]
    fake.configure(import_seconds=4.0)
    fake.script(
        Fault("refuse", path=CONTACTS, ids=[pks[3]], as_object=as_object, text="bad name"),
        Fault("import_error", path=CONTACTS, ids=[pks[7]], text="no such domain"),
        Fault("refuse", path="/api/v1/contact", ids=[pks[7]], text="no such domain", times=None),
    )
    worker.start()
    run = start(shop, kind=Kind.CONTACT)
    fake.wait_for(lambda: waits_for_imports(run), timeout=30)
    assert run.counts.get("delivered", 0) == 0
    fake.wait_for(lambda: is_over(run), timeout=60)
    assert run.counts == {"accepted": 0, "delivered": 398, "refused": 2}
    assert set(fake.contacts) == set(pks) - {pks[3], pks[7]}
    rows = dict(OutboxMessage.objects.dead().values_list("key", "detail"))
    assert "bad name" in rows[pks[3]]
    assert "no such domain" in rows[pks[7]]


def waits_for_imports(run: Backfill) -> bool:
    run.refresh_from_db()
    return run.counts.get("accepted", 0) > 300


def test_contacts_and_guests_come_before_the_orders(fake, shop, worker):
    order = get_model("order", "Order")
    emails = ["Guest@example.com", "guest@example.com"]  # one person
    emails += [f"Guest-{number}@Example.com" for number in range(GUESTS - 1)]
    for number, email in enumerate(emails, start=200001):
        order.objects.create(
            number=str(number), currency="UAH", status="New", guest_email=email,
            date_placed=timezone.now(), total_incl_tax=10, total_excl_tax=10,
            shipping_incl_tax=0, shipping_excl_tax=0,
        )  # fmt: skip
    OutboxMessage.objects.all().delete()
    worker.start()
    contacts = control.start(shop, Kind.CONTACT)[0]
    orders = control.start(shop, Kind.ORDER, route="past_events")[0]
    for run in (orders, contacts):
        wake_backfill(run.pk)
    fake.wait_for(lambda: is_over(contacts), timeout=60)
    guests = [one for one in fake.all_contacts if not one["externalCustomerId"]]
    assert len(guests) == GUESTS
    assert contacts.total == 400 + GUESTS
    assert contacts.counts == {"accepted": 0, "delivered": 400 + GUESTS}
    assert not OutboxMessage.objects.filter(kind="contact").exists()
    fake.wait_for(lambda: is_over(orders), timeout=90)
    assert set(fake.orders) == numbers()
    last_contact = max(entry.number for entry in fake.requests(path=CONTACTS))
    assert last_contact < min(entry.number for entry in fake.requests(path=PAST))


def test_a_dead_broker_only_delays(fake, shop, worker, monkeypatch):
    """Nobody hears of the start; the sweep finds it."""
    monkeypatch.setattr(publisher, "publish", lambda *_: None)
    run = start(shop)
    worker.start()
    fake.wait_for(lambda: is_over(run), timeout=60)
    assert_all_arrived(fake, run)


def test_the_command_watches_while_a_worker_works(fake, shop, worker):
    worker.start()
    out = io.StringIO()
    call_command("esputnik_backfill", "orders", "--route", "orders", "--json", stdout=out)
    (found,) = json.loads(out.getvalue())["runs"]
    assert (found["state"], found["counts"]["delivered"]) == ("finished", 1200)
    assert set(accepted(fake).values()) == {1}
