"""Each ``python manage.py esputnik_…`` of every page runs, against the fake, as it stands there."""

from __future__ import annotations

import io
import re
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.core.management import call_command
from oscar.apps.customer.models import ProductAlert
from oscar.test import factories

from esputnik_connector.models import Connection, Feed, OutboxMessage
from esputnik_connector.testing.fake_esputnik import FakeEsputnik
from tests.unit.test_docs_blocks import commands

pytestmark = [
    pytest.mark.django_db(transaction=True),
    # Oscar and its factories are behind treebeard and factory_boy; not ours to mend
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
    pytest.mark.filterwarnings("ignore:.* is not implemented in this backend:UserWarning"),
]

KEY = "0123456789ABCDEF0123456789ABCDEF"
CUSTOMERS, ALERT = (2, 42), 17
ORDERS = ("100001", "100002", "100123", "100124")
# What ends with 1 in this shop, and why; the pages say so too.
ENDS_WITH_ONE = {
    r"esputnik_doctor( --json)?$": "no beat and no worker run here",
    r"esputnik_replay --ids 100123 100124 --yes$": "they are not set aside here",
    r"esputnik_storefront connect .*--push": "nobody reaches shop.example to look for its worker",
}
ASK = {"esputnik_send_again", "esputnik_erase"}  # the page's reader, at a terminal
OPEN_IMPORT = re.compile("--(pause|resume|cancel|restart|arrived|watch)")
LIVES = {"esputnik_run"}  # a process of its own, until it is stopped: tests/live/test_run.py
STAYS = {"esputnik_relay --watch"}  # until it is stopped: tests/integration/test_relay_command.py


def ours() -> list[Any]:
    found = commands("python manage.py")
    names = [(each, each.values[0][0]) for each in found]
    return [each for each, name in names if name.startswith("esputnik_") and name not in LIVES]


@pytest.fixture
def shop(settings, tmp_path, monkeypatch) -> Iterator[FakeEsputnik]:
    """A shop that has the records which the pages name."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("ESPUTNIK_API_KEY", KEY)
    settings.MEDIA_ROOT = tmp_path
    settings.ESPUTNIK_CONNECTOR = {
        **settings.ESPUTNIK_CONNECTOR,
        "DEBOUNCE_SECONDS": 0,
        "WAKE": "",
        "RATE_LIMIT_STORAGE": "",
    }
    with FakeEsputnik(key=KEY) as fake:
        Connection.objects.create(
            name="main", api_key=KEY, api_url=fake.api_url, consent_policy="confirmed"
        )
        for pk in CUSTOMERS:
            ada = get_user_model().objects.create_user(f"a{pk}", f"a{pk}@example.com", "x", pk=pk)
        for number in ORDERS:
            factories.OrderFactory(
                user=ada, number=number, total_incl_tax=Decimal(20), total_excl_tax=Decimal(20)
            )
        ProductAlert.objects.create(
            pk=ALERT, user=ada, product=factories.create_product(num_in_stock=3), status="Active"
        )
        Feed.objects.create(name="en", language="en", currency="UAH")
        yield fake


def test_the_pages_name_enough_of_them() -> None:
    names = {each.values[0][0] for each in ours()}
    assert len(ours()) > 30
    assert {"esputnik_doctor", "esputnik_backfill", "esputnik_preview", "esputnik_feed"} <= names


@pytest.mark.parametrize("words", ours())
def test_a_command_of_a_page_does_what_it_is_for(shop: FakeEsputnik, words: list[str]) -> None:
    words = [word for word in words if word != "…"]
    line = " ".join(words)
    if line in STAYS:
        words.remove("--watch")
    if "esputnik_backfill" in line and OPEN_IMPORT.search(line):
        _code(["esputnik_backfill", "all", "--route", "orders", "--no-wait", "--yes"])
        if "--resume" in words:
            _code(["esputnik_backfill", "all", "--pause"])
    if words[:2] == ["esputnik_config", "import"]:
        words[2] = Path(words[2]).name  # of this folder
        _code(["esputnik_config", "export", words[2]])
    if words[0] in ASK and "--yes" not in words:
        words.append("--yes")
    assert _code(words) == int(any(re.match(known, line) for known in ENDS_WITH_ONE))
    assert shop.violations == []
    assert not OutboxMessage.objects.dead().exists()


def _code(words: list[str]) -> int:
    try:
        call_command(*words, stdout=io.StringIO(), stderr=io.StringIO())
    except SystemExit as end:
        return int(end.code or 0)
    return 0
