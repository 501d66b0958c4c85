"""The names that a shop's own code may import. A change of one is a change of this list."""

from __future__ import annotations

import ast
import re
from importlib import import_module
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
# These show how the connector itself is changed, or say what was decided inside of it.
OF_CONTRIBUTORS = ("add-an-event-type.md", "decisions")

API = """
    AccountInfo AlreadyBuilding Backfill Connection EventType Feed FeedBuild Finding Forecast Level
    PRODUCT_PARAMS Preview Reconciliation Storefront add_proposed_statuses build_feed
    cancel_import capture connect_storefront disconnect_storefront refresh_storefront
    end_pauses erase_guest examine feed_url forecast_import forget_deliveries get_connection
    pause_import preview prune reconcile register_event_type relay replay resume_import send_again
    start_import subscribe unsent verify work_at_import
"""
RECORDS = """
    Address AttributeValue Availability Behaviour Cart CartItem Category Consent Contact Erasure
    Event JSONObject JSONValue Kind Note Order OrderDeletion OrderItem Outcome Person Product Reason
    Record Subscription
"""
SIGNALS = "alert alert_ended batch_settled connection_paused delivered rejected"
EXCEPTIONS = """
    BadRequestError ConfigurationError ConnectorError CredentialsError DecryptionError
    DestinationError HookError LOGGED_FRAMES NotInstalledError NotSupportedError RecordError
    RejectedError Skip TemporaryError UnreadableEventError Veto without_message
"""
SHOPS = """
    Assortment CAPABILITIES Capability Capture Cleaner GuestTraces Match Offer Page PriceDrop
    ShopAdapter ShopPage SupportsBehaviour
    SupportsCarts SupportsConsent SupportsContactAttributes SupportsCurrencies SupportsEvents
    SupportsFeed
    SupportsFieldOrigins SupportsGuests SupportsHistory SupportsOrderTimes
    SupportsReconciliation SupportsStaffLinks SupportsSearch SupportsShopPages
    SupportsStatusOrders SupportsStatuses
    Wanted WishedPage values_of
"""
DESTINATIONS = """
    Account AccountField AccountInfo Answer Authentication BasicAuth ConsentPolicy DO_NOT_SEND
    Delivered Destination Envelope EraseMode HeaderAuth HttpClient LONGEST_REQUEST OrderRoute
    Part PreparedRequest PushScripts PushWorker Receipt RegisteredFeed Remote ResponseRules Site
    SiteDomain SiteRefusal SiteRefusalCode Status Throttle Timeouts
    Workflow digest vendor_words
"""
PUBLIC = {
    "esputnik_connector.api": API,
    "esputnik_connector.records": RECORDS,
    "esputnik_connector.signals": SIGNALS,
    "esputnik_connector.exceptions": EXCEPTIONS,
    "esputnik_connector.shops.base": SHOPS,
    "esputnik_connector.destinations.base": DESTINATIONS,
}
ELSE_PUBLIC = (
    "esputnik_connector",
    "esputnik_connector.celery_schedule",
    "esputnik_connector.behaviour",
    "esputnik_connector.identity",
    "esputnik_connector.tracking.record",
    "esputnik_connector.shops.oscar.adapter",
    "esputnik_connector.urls",
)


def exported(name: str) -> set[str]:
    """``__all__``, or every name that the module itself defines."""
    module = import_module(name)
    if hasattr(module, "__all__"):
        return set(module.__all__)
    tree = ast.parse(Path(str(module.__file__)).read_text())
    found = {node.name for node in tree.body if isinstance(node, (ast.ClassDef, ast.FunctionDef))}
    for node in tree.body:
        if isinstance(node, ast.Assign):
            found |= {target.id for target in node.targets if isinstance(target, ast.Name)}
    return {name for name in found if name[0] != "_"}


@pytest.mark.parametrize(("module", "names"), PUBLIC.items(), ids=list(PUBLIC))
def test_a_public_module_offers_exactly_these_names(module: str, names: str) -> None:
    assert sorted(exported(module)) == sorted(names.split())


@pytest.mark.parametrize("module", PUBLIC)
def test_a_public_name_can_be_imported_and_says_what_it_is(module: str) -> None:
    loaded = import_module(module)
    for name in exported(module):
        found = getattr(loaded, name)
        if callable(found) and str(getattr(found, "__module__", "")).startswith("esputnik_"):
            assert (found.__doc__ or "").strip(), f"{module}.{name} has no docstring"


def test_the_page_names_each_public_module() -> None:
    page = (ROOT / "docs" / "reference" / "public-api.md").read_text()
    for module in (*PUBLIC, *ELSE_PUBLIC[1:]):
        assert f"`{module}`" in page


def documented_imports() -> set[tuple[str, str, str]]:
    """(page, module, name) of each import from the connector that a page shows."""
    found = set()
    for page in PAGES:
        if any(part in str(page) for part in OF_CONTRIBUTORS):
            continue
        for block in re.findall(r"^ *```python\n(.*?)^ *```", page.read_text(), re.S | re.M):
            for module, names in re.findall(
                r"^ *from (esputnik_connector[\w.]*) import (\([^)]*\)|[^\n#]*)", block, re.M
            ):
                names = names.strip("()\n ")
                for name in filter(None, (each.strip() for each in names.split(","))):
                    found.add((page.name, module, name.partition(" as ")[0]))
    return found


def test_the_documentation_imports_from_public_modules_alone() -> None:
    imports = documented_imports()
    assert len(imports) > 30
    strange = {
        (page, module, name)
        for page, module, name in imports
        if not (
            module in ELSE_PUBLIC
            or module.startswith("esputnik_connector.testing")
            or (module in PUBLIC and name in exported(module))
        )
    }
    assert not strange
