"""Addresses of a feed's product pages: what ``reverse`` says, without asking it each time."""

from __future__ import annotations

import re
from typing import Any

from django.urls import Resolver404, resolve

from esputnik_connector.shops.bulk import text_of
from esputnik_connector.shops.oscar.catalogue.cards import absolute, has_own_pages, page_path

SLUG, NUMBER = "esputnik-probe", 9876543210
SIMPLE = re.compile(r"[A-Za-z0-9_-]+")
TAKES_ANY_SLUG = (r"(?P<product_slug>[\w-]*)", r"(?P<product_slug>[\w-]+)", "<slug:product_slug>")
TAKES_ANY_NUMBER = (r"(?P<pk>\d+)", "<int:pk>")


class Pages:
    """In the language that is active when this is made and whenever it is asked."""

    def __init__(self, base: str) -> None:
        self.base = base
        self.needs_objects = has_own_pages()
        self._pattern = "" if self.needs_objects else self._found_pattern()

    def address(self, product: Any) -> str:
        """Absolute; ``""`` if the product has no page."""
        pk, slug = product.pk, text_of(product, "slug")
        if self._pattern and type(pk) is int and SIMPLE.fullmatch(slug):
            return self._pattern % (slug, pk)
        row = {"pk": pk, "slug": slug}
        if self.needs_objects:
            row["product"] = product
        return absolute(page_path(row), self.base)

    def _found_pattern(self) -> str:
        """The address with two gaps, slug and number; ``""`` where not every slug and number of
        the simple kind is sure to fit, or not in this order."""
        path = page_path({"pk": NUMBER, "slug": SLUG})
        try:
            route = resolve(path).route if path else ""
        except Resolver404:  # a prefix of the server's, or addresses of another kind
            return ""
        if not any(one in route for one in TAKES_ANY_SLUG):
            return ""
        if not any(one in route for one in TAKES_ANY_NUMBER):
            return ""
        parts = re.fullmatch(f"(.*){SLUG}(.*){NUMBER}(.*)", absolute(path, self.base))
        return "%s".join(part.replace("%", "%%") for part in parts.groups()) if parts else ""
