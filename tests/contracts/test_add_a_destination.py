"""The destination of docs/howto/add-a-destination.md works as it stands on the page, and is all
that a project has to write."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from types import ModuleType

import pytest
from django.conf import settings as project_settings
from django.core.checks import run_checks
from django.test import Client
from django.urls import reverse

from esputnik_connector import registry
from esputnik_connector.models import Backfill, Connection, FieldMapping, OutboxMessage
from esputnik_connector.pipeline.backfill import control
from esputnik_connector.pipeline.delivery.relay import Relay
from esputnik_connector.records import Contact, Kind, Outcome
from esputnik_connector.testing.destination_contract import DestinationContract
from tests.contracts.acme import Acme
from tests.memory_shop import MemoryShop

PAGE = Path(__file__).resolve().parents[2] / "docs" / "howto" / "add-a-destination.md"
BLOCKS = re.findall(r"^```python\n(.*?)^```$", PAGE.read_text(), re.MULTILINE | re.DOTALL)
FILE, SETTING, PROOF = BLOCKS


def module(name: str, code: str) -> ModuleType:
    made = ModuleType(name)
    sys.modules[name] = made
    exec(compile(code, str(PAGE), "exec"), made.__dict__)
    return made


sys.modules.setdefault("yourproject", ModuleType("yourproject"))
acme_file = module("yourproject.acme", FILE)
proof = module("yourproject.tests", PROOF)


@pytest.fixture
def acme() -> Iterator[Acme]:
    with Acme(DestinationContract.api_key) as running:
        yield running


class TestAcme(proof.TestAcme):
    """The test class of the page, with a small Acme handed in."""

    @pytest.fixture(autouse=True)
    def _running(self, acme: Acme) -> None:
        self.acme = acme


@pytest.fixture
def connection(settings, acme: Acme, db: None) -> Iterator[Connection]:
    """A shop that sends to Acme: the page's setting, and a connection as a merchant stores it."""
    changed = {"ESPUTNIK_CONNECTOR": {**project_settings.ESPUTNIK_CONNECTOR}}
    exec(compile(SETTING, str(PAGE), "exec"), changed)
    settings.ESPUTNIK_CONNECTOR = {
        **changed["ESPUTNIK_CONNECTOR"],
        "SHOP": "tests.memory_shop.MemoryShop",
        "DEBOUNCE_SECONDS": 0,
        "WAKE": "",
    }
    MemoryShop.reset()
    yield Connection.objects.create(
        name="acme", destination="acme", api_key=acme.key, api_url=acme.url
    )
    MemoryShop.reset()


def test_the_file_is_about_a_hundred_lines():
    assert len(FILE.splitlines()) <= 140
    assert FILE.count("class ") == 1


def test_nothing_else_has_to_be_written(connection):
    """One file and one setting: no model, no migration, no form knows of Acme."""
    assert run_checks() == []
    package = Path(registry.__file__).parent
    assert not [
        path
        for path in package.rglob("*.py")
        if "AcmeDestination" in path.read_text() and path.name != "destination_contract.py"
    ]


def test_a_change_in_the_shop_reaches_acme(connection, acme):
    MemoryShop.people = {"7": Contact(key="7", email="olena@example.com", first_name="Олена")}
    OutboxMessage.objects.create(connection=connection, kind="contact", key="7")
    tally = Relay(connection).run()
    assert tally == {Outcome.DELIVERED.value: 1}
    assert acme.stored["7"] == {"id": "7", "email": "olena@example.com", "name": "Олена"}


def test_an_attribute_goes_into_a_trait_that_has_a_name(connection, acme):
    FieldMapping.objects.create(connection=connection, attribute="loyalty", field_id="tier")
    MemoryShop.people = {
        "7": Contact(key="7", email="olena@example.com", attributes={"loyalty": "gold"})
    }
    OutboxMessage.objects.create(connection=connection, kind="contact", key="7")
    Relay(connection).run()
    assert acme.stored["7"]["tier"] == "gold"


def test_history_asks_for_no_route_where_there_is_one_way(connection):
    run, is_new = control.start(connection, Kind.ORDER)
    assert is_new
    assert Backfill.objects.get() == run
    with pytest.raises(control.BadRequestError, match="one way"):
        control.start(connection, Kind.ORDER, route="past_events")


def test_a_connection_without_an_address_uses_acmes_own(connection):
    connection.api_url = ""
    with closing(registry.destination(connection)) as live:
        assert live.preview(live.prepare(Contact(key="7", email="a@b.ua"), last=None)).url == (
            "https://api.acme.example/v1/people"
        )


def test_the_settings_offer_what_acme_has(connection, admin_client: Client):
    page = admin_client.get(f"/admin/esputnik_connector/connection/{connection.pk}/change/")
    shown = page.content.decode()
    assert "paid: counts as revenue" in shown
    assert "Forget the person" in shown
    assert "https://api.acme.example/v1" in shown
    assert "INITIALIZED" not in shown
    fields = admin_client.get(reverse("admin:esputnik_connector_fields"))
    assert "the name of the trait" in fields.content.decode()


def test_the_import_page_asks_for_no_route(connection, admin_client: Client):
    url = f"/admin/esputnik_connector/backfill/of/{connection.pk}/new/"
    assert "How orders travel" not in admin_client.get(url).content.decode()
    forecast = admin_client.get(url, {"what": "all"})
    assert "What this import would do" in forecast.content.decode()
    admin_client.post(url, {"what": "all"})
    assert sorted(Backfill.objects.values_list("kind", "route")) == [("contact", ""), ("order", "")]
