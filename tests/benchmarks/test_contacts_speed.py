"""How fast customers go out and come back as delivered, beside the plain limit of the same run.

``BACKFILL_CONTACTS=10000,100000 make bench ARGS="-k contacts"`` for the growth.

The *plain limit* reads users and addresses with ``values()`` by keyset, writes them as JSON, posts
them, and asks once how each upload ended: no record is translated, compared or remembered. No
field is mapped to an attribute, as after the first start.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import pytest
import requests
from django.db import connection as database
from oscar.core.loading import get_model

from esputnik_connector.models import Backfill, Connection, SyncState
from esputnik_connector.pipeline.backfill import control
from esputnik_connector.pipeline.backfill.worker import BackfillWorker
from esputnik_connector.records import Kind
from tests.benchmarks.big_shop import connected, elsewhere, endpoint, fill_customers
from tests.benchmarks.results import sizes

pytestmark = pytest.mark.django_db(transaction=True)

CONTACTS = sizes("BACKFILL_CONTACTS", "5000,15000")
PAGE = 1000
UPLOAD_ENDS = 5.0  # seconds until the first question, of a clock that is handed in


@dataclass
class Spent:
    seconds: float = 0.0
    processor: float = 0.0  # of this process alone, which no neighbour on the machine changes

    def measure(self, deed: Callable[[], object]) -> None:
        wall, processor = time.perf_counter(), time.process_time()
        deed()
        self.seconds += time.perf_counter() - wall
        self.processor += time.process_time() - processor


@pytest.fixture
def address() -> Iterator[str]:
    with endpoint() as url:
        yield url


@pytest.fixture
def connection(address: str, settings) -> Connection:
    return connected(address, settings)


@pytest.mark.parametrize("contacts", CONTACTS)
def test_contacts_go_out_at_a_good_share_of_the_plain_limit(
    connection, address, results, clock, contacts
):
    elsewhere(fill_customers, contacts)
    with database.cursor() as cursor:
        cursor.execute("ANALYZE")
    run, _ = control.start(connection, Kind.CONTACT)
    plain, ours = Spent(), Spent()
    pages = plain_limit(address)

    def plain_page(_run: Backfill) -> None:
        plain.measure(lambda: next(pages, 0))
        clock.forward(seconds=UPLOAD_ENDS)

    ours.measure(lambda: go_on(run, clock, plain_page))
    ours.seconds -= plain.seconds
    ours.processor -= plain.processor
    run.refresh_from_db()
    counts = {"accepted": 0, "delivered": contacts}
    assert (run.state, run.counts) == ("finished", counts), run.detail
    assert SyncState.objects.filter(kind="contact").exclude(digest="").count() == contacts
    share = plain.seconds / ours.seconds
    sys.stdout.write(
        f"\n{contacts} contacts: plain limit {plain.seconds:.1f} s ({plain.processor:.1f} s of the "
        f"processor), import {ours.seconds:.1f} s ({ours.processor:.1f} s), share {share:.0%}"
    )
    results.add("import of contacts, share of the plain limit", share, size=contacts)


def go_on(run: Backfill, clock, after_page: Callable[[Backfill], None]) -> None:
    """Page by page in turns with the plain limit, until the last upload is answered."""
    while Backfill.objects.get(pk=run.pk).is_working:
        worker = BackfillWorker(Backfill.objects.get(pk=run.pk), clock=clock, after_page=after_page)
        worker.work(seconds=24 * 3600)


COLUMNS = ("pk", "email", "first_name", "last_name", "date_joined", "is_staff")
ADDRESS = (
    "user_id", "first_name", "last_name", "line1", "line2", "line3", "line4", "state", "postcode",
    "country_id", "phone_number",
)  # fmt: skip


def plain_limit(address: str) -> Iterator[int]:
    """Page after page: how many contacts each had."""
    session = requests.Session()
    users, book = get_model("auth", "User").objects, get_model("address", "UserAddress").objects
    last = 0
    while page := list(users.filter(pk__gt=last).order_by("pk").values(*COLUMNS)[:PAGE]):
        last = page[-1]["pk"]
        found = book.filter(user_id__in=[row["pk"] for row in page]).values(*ADDRESS)
        addresses = {row["user_id"]: row for row in found}
        body = {
            "dedupeOn": "externalCustomerId",
            "contacts": [plain_contact(row, addresses.get(row["pk"], {})) for row in page],
        }
        data = json.dumps(body, ensure_ascii=False, default=str).encode()
        headers = {"Content-Type": "application/json"}
        answer = session.post(f"{address}/v1/contacts", data=data, headers=headers).json()
        status = session.get(f"{address}/v1/importstatus/{answer['asyncSessionId']}").json()
        assert len(status["mapping"]) == len(page)
        yield len(page)


def plain_contact(user: dict, address: dict) -> dict:
    return {
        "externalCustomerId": str(user["pk"]),
        "firstName": user["first_name"],
        "lastName": user["last_name"],
        "channels": [
            {"type": "email", "value": user["email"]},
            {"type": "sms", "value": str(address.get("phone_number", ""))},
        ],
        "address": {
            "region": address.get("state"),
            "town": address.get("line4"),
            "address": address.get("line1"),
            "postcode": address.get("postcode"),
        },
    }
