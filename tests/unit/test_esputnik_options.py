"""Options of the eSputnik destination."""

from __future__ import annotations

import pytest

from esputnik_connector.destinations.esputnik.destination import EsputnikDestination
from esputnik_connector.exceptions import ConfigurationError
from tests.unit.samples import ACCOUNT


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"conect_timeout": 1}, "Did you mean 'connect_timeout'"),
        ({"zzz": 1}, "Known: connect_timeout"),
        ({"deadline": 0}, "above 0"),
        ({"deadline": "60"}, "a number"),
        ({"bulk_from": 1.5}, "a whole number"),
        ({"bulk_from": True}, "a whole number"),
        ({"orders_per_call": 1001}, "up to 1000"),
        ({"contacts_per_call": 3001}, "up to 3000"),
        ({"rate": "fast"}, "5/second"),
        ({"rate": 5}, "5/second"),
        ({"event_rate": "0/second"}, "5/second"),
        ({"event_keys": {"back_in_stock": ""}}, "name of an event type"),
        ({"event_keys": {"back_in_stock": "Back, again"}}, "none of"),
        ({"event_keys": {"price_drop": "it’s cheaper"}}, "none of"),
        ({"event_keys": {"price_drop": "x" * 101}}, "up to 100"),
        ({"event_keys": {"price_drop": "Drop\n"}}, "name of an event type"),
        ({"event_keys": {"price_drop": 5}}, "name of an event type"),
        ({"event_keys": "ProductPriceDrop"}, "must map event types"),
        ({"event_keys": {"price_dropp": "Drop"}}, "Did you mean 'price_drop'"),
        ({"event_keys": {"zzz": "Drop"}}, "Known: back_in_stock, price_drop"),
        ({"back_in_stock_event": "itemIsBack"}, "Unknown option"),
    ],
)
def test_an_option_that_cannot_be_used_is_explained(options, words):
    with pytest.raises(ConfigurationError, match=words):
        EsputnikDestination(ACCOUNT, options)
