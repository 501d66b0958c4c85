"""The shop before the storm: its tables, goods, history, connection, and who is there."""

from __future__ import annotations

from collections.abc import Sequence
from io import StringIO

import requests
from django.conf import settings
from django.contrib.sites.models import Site
from django.core.management import call_command
from oscar.core.loading import get_model
from oscar.test.factories import CountryFactory, create_product

from . import audit
from .cast import Cast
from .driver import usual_settings
from .office import Office
from .quiet import let_time_pass

GOODS = 8
HISTORY = 12  # customers and orders from before the connection
_casts: list[Cast] = []


def open_shop(api_url: str, key: str) -> None:
    """Migrated, stocked, with a history, and connected."""
    call_command("migrate", run_syncdb=True, verbosity=0)
    audit.install()
    Site.objects.update_or_create(pk=1, defaults={"domain": "shop.example", "name": "Chaos"})
    for code, name in (("UA", "Ukraine"), ("PL", "Poland")):
        CountryFactory(iso_3166_1_a2=code, printable_name=name, name=name, is_shipping_country=True)
    for number in range(GOODS):
        create_product(title=f"Thing {number}", price=100 + number, num_in_stock=1_000_000)
    stock = get_model("partner", "StockRecord").objects
    stock.update(price_currency=settings.OSCAR_DEFAULT_CURRENCY)
    remember_history()
    call_command("connect", api_url=api_url, key=key, verbosity=0, stdout=StringIO())


def remember_history() -> None:
    cast = Cast("")
    office = Office(cast, "office", let_time_pass)
    for number in range(HISTORY):
        die = number / HISTORY
        user = office.sign_up()
        office.order((die,) * 6, user=user if number % 3 else None,
                     guest_email="" if number % 3 else f"former{number}@example.com")  # fmt: skip
    _casts.append(cast)


def cast(shop_url: str) -> tuple[Cast, Sequence[str]]:
    """Everybody who is there already, and the pages of the goods."""
    found = _casts.pop()
    found.shop_url = shop_url
    pages = [
        product.get_absolute_url().lstrip("/").removeprefix("en/")
        for product in get_model("catalogue", "Product").objects.order_by("pk")
    ]
    return found, pages


def account_as_usual(fake_url: str, **changes: object) -> None:
    """eSputnik is well; a setting that this fake lacks is not there to be put back."""
    requests.delete(f"{fake_url}/_fake/faults", timeout=10).raise_for_status()
    for name, value in {**usual_settings(), **changes}.items():
        requests.post(f"{fake_url}/_fake/settings", json={name: value}, timeout=10)
