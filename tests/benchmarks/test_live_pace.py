"""From the shop's commit to the destination's answer: how long, under which load.

Measured from outside: a real PostgreSQL, a real Redis, one worker with two slots and beat, and a
destination that needs 150 ms ± 100 for an answer. ``PACE_SECONDS`` is how long each load lasts.
"""

from __future__ import annotations

import json
import os
import sys
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from pathlib import Path

import pytest
from django.conf import settings as project_settings
from django.contrib.auth import get_user_model
from django.db import transaction
from django.utils import timezone
from oscar.core.loading import get_model
from oscar.test.factories import create_product

from esputnik_connector.models import Backfill, Connection, OutboxMessage
from esputnik_connector.pipeline.backfill import control
from esputnik_connector.pipeline.broker import publisher
from esputnik_connector.pipeline.capture import capture
from esputnik_connector.pipeline.wake import wake_backfill
from esputnik_connector.records import Kind
from tests.benchmarks.null_esputnik import null_esputnik
from tests.live.conftest import database_url
from tests.live.parts import Worker

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.slow]

SECONDS = float(os.environ.get("PACE_SECONDS", "20"))
IMPORTED = int(os.environ.get("PACE_IMPORT", "20000"))
ANSWER = 0.15  # seconds that the destination needs, give or take a tenth
WARM_UP = 8.0  # seconds of the same load before the clock starts: a pace begins careful
PEOPLE = 2000
DRAIN = 30.0  # seconds for what is still on its way in the end


@dataclass
class Measured:
    """What one load came to; times in seconds."""

    name: str
    committed: int
    times: list[float]
    waiting: int
    messages: int
    polls: int

    def at(self, share: float) -> float:
        ordered = sorted(self.times) or [float("inf")]
        return ordered[min(int(len(ordered) * share), len(ordered) - 1)]

    def row(self) -> str:
        return (
            f"{self.name:32} {self.at(0.5):6.2f} {self.at(0.95):6.2f} {self.at(1):6.2f}"
            f" {len(self.times):6}/{self.committed:<6} {self.waiting:6} {self.messages:5}"
            f" {self.polls:5}"
        )


HEAD = (
    f"\n{'load':32} {'p50':>6} {'p95':>6} {'max':>6} {'accepted':>13} {'left':>6} {'msgs':>5}"
    f" {'polls':>5}\n"
)


@pytest.fixture
def log(tmp_path: Path) -> Path:
    return tmp_path / "accepted.jsonl"


@pytest.fixture
def shop(log: Path, settings) -> Iterator[Connection]:
    """Connected to a destination that needs its time; nobody else's wake-ups are about."""
    with null_esputnik(log) as url:
        connection = Connection.objects.create(
            name="main", api_url=url, api_key="a-key-of-enough-length", consent_policy="confirmed"
        )
        connection.bind()
        capture.forget_connections()
        publisher.begin_anew()
        yield connection


@pytest.fixture
def worker(shop: Connection, tmp_path: Path) -> Iterator[Worker]:
    worker = Worker(
        database_url=database_url(),
        broker_url=project_settings.REDIS_URL,
        log=tmp_path / "worker.log",
    )
    worker.environment["DJANGO_SETTINGS_MODULE"] = "tests.pace_worker_settings"
    worker.start()
    yield worker
    sys.stdout.write(f"\nworker's log: {worker.log}\n")
    worker.kill()


def people(count: int, name: str = "buyer") -> list[int]:
    made = get_user_model().objects.bulk_create(
        get_user_model()(
            username=f"{name}{n}", email=f"{name}{n}@example.com", password="!", first_name="V"
        )
        for n in range(count)
    )
    return [user.pk for user in made]


def word(number: int) -> str:
    """A name as eSputnik takes them, without digits; greater numbers sort later."""
    return "V" + f"{number:07}".translate(str.maketrans("0123456789", "abcdefghij"))


def measure(
    name: str, rate: float, change: Callable[[int], tuple[str, str]], log: Path, worker: Worker,
    *, seconds: float = SECONDS, lead_in: float = WARM_UP,
) -> Measured:  # fmt: skip
    """Commit ``rate`` changes a second, and look when each was accepted.

    :param change: commits change number N, and returns the key and the word by which it is known.
    """
    committed: list[tuple[float, str, str]] = []
    begun = time.monotonic()
    counted_from = time.time() + lead_in
    number = 0
    while time.monotonic() - begun < lead_in + seconds:
        wait = begun + number / rate - time.monotonic()
        if wait > 0:
            time.sleep(wait)
        key, said = change(number)
        committed.append((time.time(), key, said))
        number += 1
    waiting = OutboxMessage.objects.filter(session="").count()
    messages = relays(worker)
    counted = [one for one in committed if one[0] >= counted_from]
    until = time.monotonic() + DRAIN
    while time.monotonic() < until and OutboxMessage.objects.filter(session="").exists():
        time.sleep(0.2)
    accepted, polls = read(log)
    times = []
    for at, key, said in counted:
        later = [when for when, what in accepted[key] if what >= said and when >= at]
        times += [min(later) - at] if later else []
    return Measured(name, len(counted), times, waiting, messages, polls)


def read(log: Path) -> tuple[dict[str, list[tuple[float, str]]], int]:
    accepted: defaultdict[str, list[tuple[float, str]]] = defaultdict(list)
    polls = 0
    for line in log.read_text().splitlines():
        when, kind, key, what = json.loads(line)
        polls += kind == "poll"
        accepted[key].append((when, what))
    return accepted, polls


def relays(worker: Worker) -> int:
    """Messages of wake-ups that the worker has received."""
    lines = worker.log.read_text(errors="replace").splitlines()
    return sum("Task esputnik_connector.relay[" in one and "received" in one for one in lines)


def edit_contacts(keys: list[int]) -> Callable[[int], tuple[str, str]]:
    users = get_user_model().objects

    def edit(number: int) -> tuple[str, str]:
        pk = keys[number % len(keys)]
        with transaction.atomic():
            users.filter(pk=pk).update(first_name=word(number))
            capture.contact_changed(str(pk))
        return str(pk), word(number)

    return edit


def report(*rows: Measured) -> str:
    text = HEAD + "\n".join(row.row() for row in rows) + "\n"
    sys.stdout.write(text)
    target = os.environ.get("PACE_TABLE")
    if target:
        with open(target, "a") as file:
            file.write(text)
    return text


def answers(found: Measured) -> float:
    """What 95 of 100 waited at the most, in answers of this destination."""
    return found.at(0.95) / ANSWER


@pytest.mark.parametrize("rate", [1, 20, 200])
def test_contacts_arrive_within_seconds(shop, worker, log, results, rate):
    keys = people(PEOPLE)
    found = measure(f"{rate} contacts a second", rate, edit_contacts(keys), log, worker)
    said = report(found)
    results.add("live contacts, 95 of 100 within so many answers", answers(found), size=rate)
    assert found.at(0.95) < (5 if rate > 20 else 2), said
    assert found.messages <= (SECONDS + WARM_UP) * 1.2 + 2, said


@pytest.mark.parametrize("rate", [20, 200])
def test_contacts_arrive_within_seconds_while_an_import_runs(shop, worker, log, results, rate):
    people(IMPORTED, "past")  # before them: of whom the import sends at the moment, nothing is told
    keys = people(PEOPLE)
    run, _ = control.start(shop, Kind.CONTACT, route="")
    wake_backfill(run.pk)
    found = measure(f"{rate} contacts, and an import", rate, edit_contacts(keys), log, worker)
    run = Backfill.objects.get(pk=run.pk)
    said = report(found) + f"import: {run.state} {run.counts}\n"
    sys.stdout.write(f"import: {run.state} {run.counts}\n")
    results.add("the same while an import runs", answers(found), size=rate)
    assert found.at(0.95) < (5 if rate > 20 else 2), said


def put_into_baskets(owners: list[int]) -> Callable[[int], tuple[str, str]]:
    """Each has a basket with one thing in it; of that one they take another number."""
    basket, line = get_model("basket", "Basket"), get_model("basket", "Line")
    product = create_product(price=Decimal(10), num_in_stock=10**6)
    stock = product.stockrecords.get()
    baskets = basket.objects.bulk_create(basket(owner_id=pk) for pk in owners)
    line.objects.bulk_create(
        line(
            basket=one, product=product, stockrecord=stock, quantity=1, line_reference="r",
            price_currency="UAH", price_excl_tax=10, price_incl_tax=10,
        )
        for one in baskets
    )  # fmt: skip
    pks = [one.pk for one in baskets]

    def put(number: int) -> tuple[str, str]:
        pk = pks[number % len(pks)]
        with transaction.atomic():
            line.objects.filter(basket_id=pk).update(quantity=2 + number // len(pks))
            capture.cart_changed(str(pk))
        return str(owners[number % len(pks)]), ""

    return put


def test_carts_keep_up_with_two_hundred_a_second(shop, worker, log, results):
    found = measure("200 carts a second", 200, put_into_baskets(people(PEOPLE)), log, worker)
    said = report(found)
    results.add("live carts, 95 of 100 within so many answers", answers(found), size=200)
    assert found.at(0.95) < 5, said
    assert found.waiting < 200 * 5, said


def test_carts_of_now_go_beside_a_backlog_of_contacts(shop, worker, log, results):
    """One lane must not starve another one, nor be starved by it."""
    put = put_into_baskets(people(PEOPLE))
    past = people(IMPORTED, "past")
    long_ago = timezone.now() - timedelta(hours=1)
    rows = OutboxMessage.objects.bulk_create(
        OutboxMessage(
            connection=shop, kind="contact", key=str(pk), captured_at=long_ago, due_at=long_ago
        )
        for pk in past
    )
    found = measure("20 carts, and a backlog", 20, put, log, worker)
    sent = sum(key in accepted for accepted in [read(log)[0]] for key in map(str, past))
    said = report(found) + f"of the backlog: {sent} of {len(rows)}\n"
    sys.stdout.write(f"of the backlog: {sent} of {len(rows)}\n")
    results.add("live carts beside a backlog of contacts", answers(found), size=20)
    assert found.at(0.95) < 5, said
    assert sent > min(len(rows), SECONDS * 100), said
