"""What a product looks like to a customer: name, category, address, picture. In bulk.

Texts are read through the manager of their own model and in the shop's default language: a look-up
through a relation would miss the translations of django-modeltranslation.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urljoin

from django.apps import apps
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured, ObjectDoesNotExist
from django.db.models import Q
from django.urls import NoReverseMatch, reverse
from django.utils import translation
from oscar.core.loading import get_model

from esputnik_connector import identity
from esputnik_connector.conf import conf
from esputnik_connector.shops.oscar.tables import fetched, rows

SEPARATOR = " > "


@dataclass(frozen=True, kw_only=True)
class Card:
    """A product as an order or a cart shows it."""

    name: str = ""
    category: str = ""
    url: str = ""
    image_url: str = ""


NO_CARD = Card()


def cards(product_ids: Iterable[Any]) -> dict[Any, Card]:
    """Product pk → card, in four queries. A variation borrows what it lacks from its parent."""
    wanted = set(product_ids)
    with translation.override(settings.LANGUAGE_CODE):
        products = _products(wanted)
        categories = first_category_paths(products)
        images = _images(products)
        base = shop_url()
        return {pk: _card(pk, products, categories, images, base) for pk in wanted & set(products)}


def _card(
    pk: Any,
    products: Mapping[Any, Mapping[str, Any]],
    categories: Mapping[Any, str],
    images: Mapping[Any, str],
    base: str,
) -> Card:
    product = products[pk]
    parent_pk = product["parent_id"]
    parent = products.get(parent_pk, {})
    return Card(
        name=identity.text(product["title"] or parent.get("title", "")),
        category=categories.get(pk) or categories.get(parent_pk, ""),
        url=absolute(_product_path(product), base),
        image_url=absolute(images.get(pk) or images.get(parent_pk, ""), base),
    )


def _products(wanted: set[Any]) -> dict[Any, dict[str, Any]]:
    """The products and their parents, in one query."""
    products = get_model("catalogue", "Product")._default_manager.order_by()

    def read(chunk: list[Any]) -> Any:
        parents = products.filter(pk__in=chunk, parent__isnull=False).values("parent_id")
        found = products.filter(Q(pk__in=chunk) | Q(pk__in=parents))
        return found.values("pk", "parent_id", "slug", "title")

    return {product["pk"]: product for product in fetched(read, wanted)}


def _product_path(product: Mapping[str, Any]) -> str:
    try:
        return reverse(
            "catalogue:detail", kwargs={"product_slug": product["slug"], "pk": product["pk"]}
        )
    except NoReverseMatch:  # a shop may sell without product pages
        return ""


def _images(product_ids: Iterable[Any]) -> dict[Any, str]:
    """Product pk → address of its first picture, as the storage gives it."""
    model = get_model("catalogue", "ProductImage")
    storage = model._meta.get_field("original").storage
    names: dict[Any, str] = {}
    ordered = model._default_manager.order_by("display_order", "pk")
    for image in rows(ordered, "product_id", product_ids, ["product_id", "original"]):
        if image["original"]:
            names.setdefault(image["product_id"], image["original"])
    return {pk: _file_url(storage, name) for pk, name in names.items()}


def _file_url(storage: Any, name: str) -> str:
    try:
        return str(storage.url(name))
    except ValueError:  # a manifest that lacks the file, or a storage without addresses
        return ""


def first_category_paths(product_ids: Iterable[Any]) -> dict[Any, str]:
    """Product pk → full path of its public category with the lowest pk."""
    return {pk: paths[0] for pk, paths in category_paths(product_ids).items()}


def category_paths(product_ids: Iterable[Any]) -> dict[Any, list[str]]:
    """Product pk → full paths of its public categories, lowest category pk first. Two queries.

    Paths are built from treebeard's ``path``: ``category.full_name`` would cost a query each.
    """
    through = get_model("catalogue", "Product").categories.through
    ordered = through._default_manager.order_by("category_id")
    links = list(rows(ordered, "product_id", product_ids, ["product_id", "category__path"]))
    names = _public_names({link["category__path"] for link in links})
    found: defaultdict[Any, list[str]] = defaultdict(list)
    for link in links:
        if name := names.get(link["category__path"]):
            found[link["product_id"]].append(name)
    return dict(found)


def _public_names(paths: set[str]) -> dict[str, str]:
    """treebeard path → full name, for categories that are public with all their ancestors."""
    categories = get_model("catalogue", "Category")
    step = categories.steplen
    lineages = {path: [path[:end] for end in _ends(path, step)] for path in paths}
    wanted = {ancestor for lineage in lineages.values() for ancestor in lineage}
    public = rows(
        categories._default_manager.filter(is_public=True).order_by(),
        "path",
        wanted,
        ["path", "name"],
    )
    names = {row["path"]: identity.text(row["name"]) for row in public}
    return {
        path: SEPARATOR.join(names[ancestor] for ancestor in lineage)
        for path, lineage in lineages.items()
        if all(ancestor in names for ancestor in lineage)
    }


def _ends(path: str, step: int) -> range:
    return range(step, len(path) + 1, step)


def shop_url() -> str:
    """Where the shop lives: ``SHOP_URL``, else the current Site by https; ``""`` if unknown."""
    if conf.SHOP_URL:
        return str(conf.SHOP_URL).rstrip("/")
    if not apps.is_installed("django.contrib.sites"):
        return ""
    site = apps.get_model("sites", "Site")
    try:
        return f"https://{site.objects.get_current().domain}"
    except (ImproperlyConfigured, ObjectDoesNotExist):  # no SITE_ID, or no such row
        return ""


def absolute(path: str, base: str) -> str:
    """``path`` as a full address; one that a storage already made full stays as it is."""
    if not path:
        return ""
    if path.startswith("//"):
        return f"https:{path}"
    joined = urljoin(f"{base}/", path)
    return joined if "://" in joined else ""
