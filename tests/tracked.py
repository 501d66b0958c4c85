"""A storefront of the test client's host, and what its pages carry."""

from __future__ import annotations

import json
import re
from decimal import Decimal
from typing import Any

from django.test import Client
from oscar.test import factories

from esputnik_connector.models import Connection, Storefront

HOST = "testserver"
AGENT = "Mozilla/5.0 (X11; Linux x86_64) Chrome/126.0"
SC = "0f8fad5bd9cb469fa16570867728950e"
SCRIPT = "<script>window.eS = window.eS || function () {};</script>"
VISIT = "/esputnik/visit"
BLOCK = re.compile(r'<script id="esputnik-[^"]*" type="application/json">(.*?)</script>', re.DOTALL)


def storefront(connection: Connection | None = None, **values: Any) -> Storefront:
    owner = connection or Connection.objects.create(
        name="main", api_key="k", api_url="https://esputnik.example/api"
    )
    routes = values.pop("routes", {})
    given = {"domain": HOST, "site_id": "8A412DC", "script": SCRIPT, **values}
    return Storefront.objects.create(connection=owner, routes=routes, **given)


def browser() -> Client:
    """Of somebody whom eSputnik's script knows already."""
    client = Client(headers={"user-agent": AGENT})
    client.cookies["sc"] = SC
    return client


def product(**fields: Any) -> Any:
    """One that can be bought."""
    made = factories.create_product(**fields)
    factories.create_stockrecord(made, price=Decimal("12.50"), num_in_stock=50)
    return made


def blocks(response: Any) -> list[dict[str, Any]]:
    """What the page tells its script."""
    return [json.loads(found) for found in BLOCK.findall(response.content.decode())]


def block(response: Any) -> dict[str, Any]:
    (found,) = blocks(response)
    return found


def ask(client: Any, *, host: str = HOST, **body: Any) -> Any:
    """As the page's script does."""
    headers = {"sec-fetch-site": "same-origin", "host": host}
    return client.post(VISIT, json.dumps(body), content_type="application/json", headers=headers)
