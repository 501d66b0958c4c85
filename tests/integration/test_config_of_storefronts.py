"""``manage.py esputnik_config`` carries what a person chose of a storefront, and nothing of what
the account gave."""

from __future__ import annotations

import copy
import io
import json
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from esputnik_connector.behaviour import BehaviourType, Route
from esputnik_connector.models import Connection, Storefront
from esputnik_connector.models.storefront import StepName, StepState
from esputnik_connector.operations.storefront.connect import disconnect

pytestmark = pytest.mark.django_db

ROUTES = {"ProductPage": "tracker", "CategoryPage": "event", "PageView": "off"}
STEP = {"code": "busy", "detail": "eSputnik was busy"}


@pytest.fixture
def main() -> Connection:
    return Connection.objects.create(
        name="main", api_key="0123456789ABCDEF0123456789ABCDEF", environment="elsewhere"
    )


@pytest.fixture
def storefront(main: Connection) -> Storefront:
    made = Storefront.objects.create(
        connection=main,
        domain="shop.example",
        site_id="8A412DC",
        script="<script>the account's</script>",
        push_script="push()",
        forms="shop",
        is_inbox=True,
        loads_before_consent=True,
        routes=ROUTES,
    )
    made.steps.create(name=StepName.DOMAIN, state=StepState.FAILED, **STEP)
    return made


def export() -> dict[str, Any]:
    output = io.StringIO()
    call_command("esputnik_config", "export", stdout=output)
    document: dict[str, Any] = json.loads(output.getvalue())
    return document


def put(document: object, folder: Path, *arguments: str) -> str:
    file = folder / "esputnik.json"
    file.write_text(json.dumps(document))
    output = io.StringIO()
    call_command("esputnik_config", "import", str(file), *arguments, stdout=output)
    return output.getvalue()


def faults(document: object, folder: Path) -> str:
    """What is said of a document that is wrong; nothing may have changed for it."""
    before = export()
    with pytest.raises(CommandError) as caught:
        put(document, folder)
    assert export() == before
    return str(caught.value)


def section(given: object, **values: Any) -> dict[str, Any]:
    connection = {"name": "main", **values, "storefront": given}
    return {"schema_version": 1, "connections": [connection]}


def test_a_document_holds_what_a_person_chose_and_nothing_that_the_account_gave(storefront):
    (connection,) = export()["connections"]
    assert connection["storefront"] == {
        "domain": "shop.example",
        "is_tracking": True,
        "is_inbox": True,
        "loads_before_consent": True,
        "forms": "shop",
        "routes": ROUTES,
    }


def test_a_connection_without_a_connected_storefront_has_none_in_it(storefront):
    disconnect(storefront)
    assert "storefront" not in export()["connections"][0]
    storefront.delete()
    assert "storefront" not in export()["connections"][0]


def test_it_makes_another_installation_alike_which_asks_the_account_itself(storefront, tmp_path):
    document = export()
    Connection.objects.all().delete()
    assert "storefront shop.example: new" in put(document, tmp_path)
    assert export() == document
    made = Storefront.objects.get()
    assert (made.script, made.push_script, made.site_id) == ("", "", "")
    assert not made.steps.exclude(state=StepState.WAITING).exists()
    assert made.route_of(BehaviourType.PRODUCT_PAGE) is Route.TRACKER
    assert put(document, tmp_path).strip() == "Nothing to change."


def test_a_connection_that_may_not_speak_yet_gets_its_storefront_all_the_same(storefront, tmp_path):
    """It is off, and belongs to another installation: its steps wait until it may."""
    document = export()
    document["connections"][0]["is_enabled"] = False
    storefront.delete()
    put(document, tmp_path)
    assert Storefront.objects.get().domain == "shop.example"
    assert list(Storefront.objects.connected()) == []


def test_each_change_is_told_and_a_rehearsal_changes_nothing(storefront, tmp_path):
    document = export()
    before = copy.deepcopy(document)
    given = document["connections"][0]["storefront"]
    given.update(forms="both", is_inbox=False, routes={"ProductPage": "event"})
    said = put(document, tmp_path, "--dry-run")
    assert "storefront shop.example: forms: 'shop' → 'both'" in said
    assert "is_inbox: True → False" in said
    assert "→ {'ProductPage': 'event'}" in said
    assert "is_tracking" not in said
    assert export() == before
    put(document, tmp_path)
    assert export() == document
    storefront.refresh_from_db()
    assert (storefront.script, storefront.site_id) == ("<script>the account's</script>", "8A412DC")
    assert storefront.steps.get().code == "busy"


def test_a_document_of_before_leaves_the_storefront_as_it_is(storefront, tmp_path):
    document = export()
    del document["connections"][0]["storefront"]
    assert put(document, tmp_path).strip() == "Nothing to change."
    storefront.refresh_from_db()
    assert (storefront.routes, storefront.is_connected) == (ROUTES, True)


def test_what_the_section_leaves_out_stays(storefront, tmp_path):
    put(section({"forms": "widgets"}), tmp_path)
    storefront.refresh_from_db()
    assert (storefront.forms, storefront.is_inbox, storefront.routes) == ("widgets", True, ROUTES)


def test_a_usual_route_is_not_written_down_so_that_it_may_change_with_us(storefront, tmp_path):
    put(section({"routes": {"ProductPage": "browser", "ProductUpdate": "tracker"}}), tmp_path)
    storefront.refresh_from_db()
    assert storefront.routes == {"ProductUpdate": "tracker"}
    again = section({"routes": {"ProductPage": "browser", "ProductUpdate": "tracker"}})
    assert put(again, tmp_path).strip() == "Nothing to change."


def test_a_route_that_is_no_longer_possible_is_not_exported(storefront, tmp_path):
    """An import would refuse it, and the storefront goes the usual way all the same."""
    storefront.routes = {"MainPage": "event", "Gone": "tracker", "PageView": "event"}
    storefront.save()
    document = export()
    assert document["connections"][0]["storefront"]["routes"] == {"PageView": "event"}
    put(document, tmp_path)


def test_without_a_domain_it_is_the_shops_own(main, tmp_path, settings):
    own = {**settings.ESPUTNIK_CONNECTOR, "SHOP_URL": "https://www.shop.example/"}
    settings.ESPUTNIK_CONNECTOR = own
    put(section({"forms": "widgets"}), tmp_path)
    assert Storefront.objects.get().domain == "www.shop.example"


def test_a_disconnected_storefront_that_is_in_the_document_is_connected_again(storefront, tmp_path):
    document = export()
    disconnect(storefront)
    assert "storefront shop.example: new" in put(document, tmp_path)
    storefront.refresh_from_db()
    assert storefront.is_connected
    assert export() == document


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"routes": {"MainPage": "event"}},
         ".routes['MainPage']: must be one of: off, browser. eSputnik has no event of the account"),
        ({"routes": {"ProductUpdate": "browser"}},
         ".routes['ProductUpdate']: must be one of: off, tracker. A change of price or stock is"),
        ({"routes": {"StatusCartPage": "tracker"}},
         ".routes['StatusCartPage']: must be one of: off, browser. Only eSputnik's script in"),
        ({"routes": {"PageView": "pigeon"}},
         ".routes['PageView']: must be one of: off, browser, event"),
        ({"routes": {"PageView": ["browser"]}}, ".routes['PageView']: must be one of: "),
        ({"routes": {"ProductPages": "off"}},
         ".routes['ProductPages']: is not known. Did you mean “ProductPage”?"),
        ({"routes": ["PageView"]}, ".routes: must be an object of texts"),
        ({"forms": "none"}, ".forms: must be one of: both, widgets, shop"),
        ({"is_inbox": "yes"}, ".is_inbox: must be true or false"),
        ({"loads_before_consent": None}, ".loads_before_consent: must be true or false"),
        ({"domain": None}, ".domain: must be text"),
        ({"domain": "shop"}, ".domain: “shop” cannot be reached from outside"),
        ({"domain": "another.example"},
         ".domain: Connection “main” has the domain shop.example, and eSputnik registers one"),
        ({"script": "<script>"}, ".script: is not known."),
        ({"site_id": "8A412DC"}, ".site_id: is not known."),
        ({"steps": {}}, ".steps: is not known."),
        (["shop.example"], ": must be an object"),
        (None, ": must be an object"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_told_with_its_path_and_changes_nothing(storefront, tmp_path, given, said):
    told = faults(section(given, sync_orders=False), tmp_path)
    assert f"connections[0].storefront{said}" in told


def test_a_domain_of_another_connection_is_refused(storefront, tmp_path):
    document = section({"domain": "shop.example"})
    document["connections"][0]["name"] = "second"
    said = faults(document, tmp_path)
    assert "Connection “main” has the domain shop.example already." in said
    assert not Connection.objects.filter(name="second").exists()


def test_a_destination_that_knows_of_no_sites_has_no_storefront(storefront, tmp_path, settings):
    recording = {"BACKEND": "esputnik_connector.testing.recording.RecordingDestination"}
    known = settings.ESPUTNIK_CONNECTOR["DESTINATIONS"]
    destinations = {**known, "recording": recording}
    settings.ESPUTNIK_CONNECTOR = {**settings.ESPUTNIK_CONNECTOR, "DESTINATIONS": destinations}
    document = section({"domain": "other.example"}, destination="recording")
    document["connections"][0]["name"] = "second"
    assert "connections[0].storefront.domain: " in (said := faults(document, tmp_path))
    assert "has no storefronts." in said
