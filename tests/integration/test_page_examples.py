"""The tests that “Test your shop” shows, and the hook of “Change or hold back a record”, as they
stand on their pages: they are tests and code of this module."""

from __future__ import annotations

import re
from decimal import Decimal
from pathlib import Path

import pytest
from oscar.test import factories

from esputnik_connector.models import Attempt

HOWTO = Path(__file__).resolve().parents[2] / "docs" / "howto"
BLOCK = re.compile(r"^```python\n(.*?)^```$", re.MULTILINE | re.DOTALL)
SETTINGS = re.compile(r"^(from yourproject|ESPUTNIK_CONNECTOR)", re.MULTILINE)

pytestmark = [
    pytest.mark.django_db(transaction=True),
    # Oscar and its factories are behind treebeard and factory_boy; not ours to mend
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
    pytest.mark.filterwarnings("ignore:.* is not implemented in this backend:UserWarning"),
]


def examples(page: str) -> str:
    """The Python of a page without its settings, which the fixture below makes."""
    blocks = BLOCK.findall((HOWTO / page).read_text())
    return "\n".join(block for block in blocks if not SETTINGS.match(block))


exec(compile(examples("test-your-shop.md"), "test-your-shop.md", "exec"))
exec(
    compile(examples("change-or-hold-back-a-record.md"), "change-or-hold-back-a-record.md", "exec")
)

SHOWN = [name for name in globals() if name.startswith("test_")]


@pytest.fixture(autouse=True)
def _settings_of_the_pages(settings):
    settings.ESPUTNIK_CONNECTOR = {
        **settings.ESPUTNIK_CONNECTOR,
        "DEBOUNCE_SECONDS": 0,
        "WAKE": "",
        "RATE_LIMIT_STORAGE": "",
        "RECORD_HOOK": "tests.integration.test_page_examples.last_word",
        "SHOP": "tests.integration.test_page_examples.Shop",
        "DESTINATIONS": {
            **settings.ESPUTNIK_CONNECTOR["DESTINATIONS"],
            "recording": {"BACKEND": "esputnik_connector.testing.recording.RecordingDestination"},
        },
    }


def test_the_page_shows_tests_that_ran_here():
    assert len(SHOWN) >= 3


def test_the_hook_of_the_page_changes_an_order(connection, esputnik):
    factories.OrderFactory(
        number="100500", shipping_method="np", total_incl_tax=Decimal(9), total_excl_tax=Decimal(9)
    )
    relay(connection)  # noqa: F821  of the page
    body = esputnik.orders["100500"]["body"]
    assert (body["deliveryMethod"], body["paymentMethod"]) == ("Nova Poshta", "Card")


def test_the_hook_of_the_page_says_why_it_holds_somebody_back(connection, django_user_model):
    django_user_model.objects.create_user("w", "buyer@wholesale.example", "secret")
    relay(connection)  # noqa: F821  of the page
    held = Attempt.objects.get(kind="contact")
    assert (held.outcome, held.reason, held.detail) == ("skipped", "vetoed", "wholesale customer")
