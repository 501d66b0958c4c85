"""System checks of the settings."""

from __future__ import annotations

import pytest
from django.core.checks import run_checks

from esputnik_connector import checks


@pytest.fixture
def change(settings):
    def change_settings(**values: object) -> None:
        settings.ESPUTNIK_CONNECTOR = {**settings.ESPUTNIK_CONNECTOR, **values}

    return change_settings


def test_the_sandbox_has_nothing_to_complain_about():
    for check in (
        checks.check_names,
        checks.check_paths,
        checks.check_encryption,
        checks.check_times,
        checks.check_destinations,
        checks.check_shop_url,
        checks.check_events,
        checks.check_shop,
        checks.check_values,
        checks.check_databases,
    ):
        assert check() == []


def test_a_misspelt_setting_is_named_with_the_right_one(change):
    change(ENCRYPTION_KEY=["x"])
    (message,) = checks.check_names()
    assert message.id == "esputnik_connector.E001"
    assert "ENCRYPTION_KEYS" in message.hint


@pytest.mark.parametrize("setting", ["SHOP", "RECORD_HOOK", "WAKE"])
def test_a_path_that_leads_nowhere_is_named_with_its_setting(change, setting):
    change(**{setting: "myshop.nowhere.Thing"})
    (message,) = checks.check_paths()
    assert message.id == "esputnik_connector.E002"
    assert setting in message.msg
    assert "myshop.nowhere.Thing" in message.msg


@pytest.mark.parametrize(
    ("options", "message", "words"),
    [
        ({"FEED_PRICES": "guess"}, "E021", "strategy, stock_records, one_by_one"),
        ({"PRICE_STRATEGY": "myshop.nowhere.thing"}, "E023", "myshop.nowhere.thing"),
        ({"PRICE_STRATEGY": 5}, "E023", "PRICE_STRATEGY"),
        ({"FEED_PRICE": "strategy"}, "E022", "OscarShop has no option 'FEED_PRICE'"),
    ],
)
def test_the_adapter_says_what_is_wrong_with_its_options(change, options, message, words):
    change(SHOP_OPTIONS=options)
    (found,) = checks.check_shop()
    assert found.id == f"esputnik_connector.{message}"
    assert words in found.msg
    assert message != "E022" or "FEED_PRICES" in found.hint


def test_options_that_are_right_are_no_matter(change):
    change(SHOP_OPTIONS={
        "FEED_PRICES": "one_by_one", "PRICE_STRATEGY": "oscar.apps.partner.strategy.Default",
    })  # fmt: skip
    assert checks.check_shop() == []


def test_an_adapter_that_cannot_be_made_is_an_error(change):
    change(SHOP="esputnik_connector.shops.base.ShopAdapter")
    (found,) = checks.check_shop()
    assert found.id == "esputnik_connector.E024"
    assert "abstract" in found.msg


def test_a_missing_encryption_key_is_an_error(change):
    change(ENCRYPTION_KEYS=[])
    (message,) = checks.check_encryption()
    assert message.id == "esputnik_connector.E003"


def test_a_lease_shorter_than_a_request_is_an_error(change):
    change(LEASE_SECONDS=30)
    assert [message.id for message in checks.check_times()] == ["esputnik_connector.E004"]


def esputnik_with(**options: object) -> dict[str, object]:
    backend = "esputnik_connector.destinations.esputnik.destination.EsputnikDestination"
    return {"esputnik": {"BACKEND": backend, "OPTIONS": options}}


def test_a_misspelt_option_of_a_destination_is_named_with_the_right_one(change):
    change(DESTINATIONS=esputnik_with(conect_timeout=5))
    (message,) = checks.check_destinations()
    assert message.id == "esputnik_connector.E010"
    assert "connect_timeout" in message.msg


def test_every_option_that_cannot_be_used_is_named(change):
    change(DESTINATIONS=esputnik_with(rate="fast", bulk_from=0, deadline=60))
    words = " ".join(message.msg for message in checks.check_destinations())
    assert "'fast'" in words
    assert "'bulk_from'" in words


def test_the_lease_must_outlast_the_deadline_that_a_destination_is_given(change):
    change(DESTINATIONS=esputnik_with(deadline=180))
    assert [message.id for message in checks.check_times()] == ["esputnik_connector.E004"]


@pytest.mark.parametrize("deadline", ["soon", None])
def test_a_deadline_that_is_no_number_is_said_once(change, deadline):
    change(DESTINATIONS=esputnik_with(deadline=deadline))
    assert checks.check_times() == []
    assert [message.id for message in checks.check_destinations()] == ["esputnik_connector.E010"]


def test_a_destination_that_cannot_be_imported_has_no_options_to_check(change):
    change(DESTINATIONS={"gone": {"BACKEND": "nowhere.Destination", "OPTIONS": {"a": 1}}})
    assert checks.check_destinations() == []


def test_a_short_horizon_is_a_warning(change):
    change(RETRY_HORIZON_HOURS=1)
    assert [message.id for message in checks.check_times()] == ["esputnik_connector.W001"]


def test_links_of_the_current_site_need_to_know_which_one_that_is(change, settings):
    """A worker has no request that would tell it; without a Site it leaves the links out."""
    change(SHOP_URL="")
    assert checks.check_shop_url() == []
    del settings.SITE_ID
    (message,) = checks.check_shop_url()
    assert message.id == "esputnik_connector.W002"
    assert "SITE_ID" in str(message.hint)


@pytest.mark.parametrize("address", ["shop.example", "https://example.com"])
def test_a_shop_address_that_makes_no_links_is_a_warning(change, address):
    change(SHOP_URL=address)
    assert [message.id for message in checks.check_shop_url()] == ["esputnik_connector.W002"]


@pytest.mark.parametrize("value", [0, 100, -5, 2.5, "5"])
def test_a_price_drop_that_makes_no_sense_is_an_error(change, value):
    change(PRICE_DROP_PERCENT=value)
    assert [message.id for message in checks.check_values()] == ["esputnik_connector.E006"]


@pytest.mark.parametrize("value", [0, "30"])
def test_to_forget_events_at_once_is_an_error(change, value):
    change(EVENT_RETENTION_DAYS=value)
    assert [message.id for message in checks.check_values()] == ["esputnik_connector.E006"]


@pytest.mark.parametrize(
    ("address", "is_reachable"),
    [
        ("https://shop.example", False), ("https://shop.test/uk/", False),
        ("http://localhost:8000", False), ("http://127.0.0.1", False),
        ("https://shop.invalid.", False), ("https://kobzar.ua", True),
        ("https://example.com.ua", True), ("", True),
    ],
)  # fmt: skip
def test_a_deployed_shop_has_an_address_that_customers_can_reach(change, address, is_reachable):
    change(SHOP_URL=address)
    found = [message.id for message in run_checks(include_deployment_checks=True)]
    assert ("esputnik_connector.W003" in found) is not is_reachable
    while_developing = [message.id for message in run_checks()]
    assert "esputnik_connector.W003" not in while_developing
