"""What a product looks like to a customer: name, category, address, picture. In bulk.

Texts are read through the manager of their own model and in the shop's default language: a look-up
through a relation would miss the translations of django-modeltranslation.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from functools import lru_cache
from typing import Any
from urllib.parse import urljoin, urlsplit

from django.apps import apps
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured, ObjectDoesNotExist
from django.db.models import Q
from django.urls import NoReverseMatch, reverse
from django.utils import translation
from oscar.apps.catalogue.abstract_models import AbstractProduct
from oscar.core.loading import get_model

from esputnik_connector import identity
from esputnik_connector.conf import conf
from esputnik_connector.shops.bulk import (
    among,
    are_columns,
    fetched,
    rows,
    text_of,
    with_translations,
)

SEPARATOR = " > "
MOST_KEPT = 20_000  # cards, some MB; a bigger catalogue is read again


@dataclass(frozen=True, kw_only=True, slots=True)
class Card:
    """A product as an order or a cart shows it."""

    name: str = ""
    category: str = ""
    url: str = ""
    image_url: str = ""


NO_CARD = Card()


def cards(product_ids: Iterable[Any]) -> dict[Any, Card]:
    """Product pk → card, in four queries. A variation borrows what it lacks from its parent."""
    kept = _kept.get()
    if kept is None:
        return _cards(set(product_ids))
    wanted = set(product_ids)
    if len(kept) > MOST_KEPT:
        kept.clear()
    kept.update(_cards(wanted - kept.keys()))
    return {pk: kept[pk] for pk in wanted & kept.keys()}


_kept: ContextVar[dict[Any, Card] | None] = ContextVar("esputnik_connector_cards", default=None)


@contextmanager
def cards_kept() -> Iterator[None]:
    """Read each card once within: for a walk over history, where the same products come again and
    again and a card that is some seconds old is as good."""
    token = _kept.set({})
    try:
        yield
    finally:
        _kept.reset(token)


def _cards(wanted: set[Any]) -> dict[Any, Card]:
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
    images: Mapping[Any, Sequence[str]],
    base: str,
) -> Card:
    product = products[pk]
    parent_pk = product["parent_id"]
    parent = products.get(parent_pk, {})
    return Card(
        name=identity.text(product["title"] or parent.get("title", "")),
        category=categories.get(pk) or categories.get(parent_pk, ""),
        url=absolute(page_path(product), base),
        image_url=absolute(next(iter(images.get(pk) or images.get(parent_pk, ())), ""), base),
    )


def _products(wanted: set[Any]) -> dict[Any, dict[str, Any]]:
    """The products and their parents, in one query."""
    products = get_model("catalogue", "Product")._default_manager.order_by()

    def read(chunk: list[Any]) -> Any:
        parents = products.filter(pk__in=chunk, parent__isnull=False).values("parent_id")
        found = products.filter(Q(pk__in=chunk) | Q(pk__in=parents))
        if not has_own_pages() and are_columns(found.model, "slug", "title"):
            return found.values("pk", "parent_id", "slug", "title")
        return map(_row, with_translations(found))

    return {product["pk"]: product for product in fetched(read, wanted)}


def _row(product: Any) -> dict[str, Any]:
    row = {name: text_of(product, name) for name in ("slug", "title")}
    row |= {"pk": product.pk, "parent_id": product.parent_id}
    return row | {"product": product} if has_own_pages() else row


def has_own_pages() -> bool:
    """Does the shop's product compute its address itself? Then the whole product is needed."""
    product = get_model("catalogue", "Product")
    return product.get_absolute_url is not AbstractProduct.get_absolute_url


def page_path(product: Mapping[str, Any]) -> str:
    """Path of a product's page in the active language, from its ``pk`` and ``slug``.

    With ``product`` in the row, from what the shop itself says.
    """
    try:
        if "product" in product:
            return str(product["product"].get_absolute_url() or "")
        return reverse(
            "catalogue:detail", kwargs={"product_slug": product["slug"], "pk": product["pk"]}
        )
    except NoReverseMatch:  # a shop may sell without product pages
        return ""


def _images(product_ids: Iterable[Any]) -> dict[Any, list[str]]:
    """Product pk → address of its first picture, as the storage gives it."""
    storage = image_storage()
    return {pk: [file_url(storage, names[0])] for pk, names in image_names(product_ids).items()}


def image_storage() -> Any:
    return get_model("catalogue", "ProductImage")._meta.get_field("original").storage


def image_names(product_ids: Iterable[Any]) -> dict[Any, list[str]]:
    """Product pk → names of its pictures in the storage, in the shop's order."""
    ordered = get_model("catalogue", "ProductImage")._default_manager.order_by(
        "display_order", "pk"
    )
    names: defaultdict[Any, list[str]] = defaultdict(list)
    read = fetched(
        lambda chunk: ordered.filter(among("product_id", chunk)).values_list(
            "product_id", "original"
        ),
        product_ids,
    )
    for product_pk, name in read:
        if name:
            names[product_pk].append(name)
    return dict(names)


def file_url(storage: Any, name: str) -> str:
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
    public = categories._default_manager.filter(is_public=True).order_by()
    if are_columns(categories, "name"):
        read = rows(public, "path", wanted, ["path", "name"])
        names = {row["path"]: identity.text(row["name"]) for row in read}
    else:
        found = fetched(lambda chunk: with_translations(public.filter(path__in=chunk)), wanted)
        names = {one.path: identity.text(text_of(one, "name")) for one in found}
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


@lru_cache(maxsize=8)
def _origin(base: str) -> str:
    parts = urlsplit(base)
    return f"{parts.scheme}://{parts.netloc}"


def absolute(path: str, base: str) -> str:
    """``path`` as a full address; one that a storage already made full stays as it is."""
    if not path:
        return ""
    if path.startswith("//"):
        return f"https:{path}"
    if path.startswith("/") and "/." not in path:  # as nearly always; joining is slow
        return f"{_origin(base)}{path}" if base else ""
    joined = urljoin(f"{base}/", path)
    return joined if "://" in joined else ""
