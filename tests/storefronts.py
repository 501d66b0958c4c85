"""A storefront at the fake eSputnik, for tests."""

from __future__ import annotations

from typing import Any

from django.conf import settings as project_settings

from esputnik_connector.models import Connection, Storefront, StorefrontStep
from esputnik_connector.testing.fake_esputnik import FakeEsputnik

DOMAINS = "/api/v1/site/domains"
SCRIPT = "/api/v1/site/script"
PUSH = "/api/v1/site/webpush/domain"
PUSH_LIST = "/api/v1/site/webpush/domains"
PUSH_SCRIPT = "/api/v1/site/webpush/script"


def fast(settings: Any, **more: Any) -> None:
    """The project's settings, and eSputnik without a pace."""
    destination = project_settings.ESPUTNIK_CONNECTOR["DESTINATIONS"]["esputnik"]
    settings.ESPUTNIK_CONNECTOR = {
        **project_settings.ESPUTNIK_CONNECTOR,
        "DESTINATIONS": {
            "esputnik": {**destination, "OPTIONS": {"rate": "100000/second", "deadline": 5}}
        },
        **more,
    }


def account_at(fake: FakeEsputnik, name: str = "main") -> Connection:
    return Connection.objects.create(name=name, api_url=fake.api_url, api_key=fake.key)


def states(storefront: Storefront) -> dict[str, str]:
    """Step → its state, with the code behind a slash."""
    return {
        row.name: f"{row.state}/{row.code}" if row.code else row.state
        for row in StorefrontStep.objects.filter(storefront=storefront)
    }


def posted(fake: FakeEsputnik, path: str) -> list[Any]:
    return [one for one in fake.log if one.method == "POST" and one.path == path]
