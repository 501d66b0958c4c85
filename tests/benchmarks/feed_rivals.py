"""Two other ways to write the same feed, item for item: the plain limit, and a newcomer's loop.

Nothing in them is the connector's own: what it got slower would slow them as well, and hide.

Both are generators that stop after some items, so that all of them can be measured in turns.
"""

from __future__ import annotations

import html
import re
from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Any
from xml.sax.saxutils import escape

from django.db.models import Q
from django.urls import reverse
from oscar.apps.partner.strategy import Default

from .feed_shop import (
    Category,
    Product,
    ProductAttribute,
    ProductAttributeValue,
    ProductCategory,
    ProductImage,
    StockRecord,
)

BASE = "https://shop.example"
PAGE = 1000
HEAD, TAIL = '<rss xmlns:g="http://base.google.com/ns/1.0">\n', "</rss>\n"


TAG = re.compile(r"<[^>]*>")


def plain_text(text: str) -> str:
    """As little as this catalogue needs: nothing of what the connector does for odd texts."""
    return " ".join(html.unescape(TAG.sub(" ", text)).split())


def item(
    pk: Any, title: str, text: str, url: str, images: Sequence[str], is_there: bool, price: Any,
    currency: str, categories: Sequence[str], values: Sequence[tuple[str, str]], group: Any,
) -> str:  # fmt: skip
    """An entry of the feed as plain strings."""
    parts = [
        f"<item>\n<g:id>{pk}</g:id>\n<g:title>{escape(title)}</g:title>\n",
        f"<g:description>{escape(plain_text(text))}</g:description>\n",
        f"<g:link>{BASE}{escape(url)}</g:link>\n",
    ]
    for tag, url in zip(("image_link", *["additional_image_link"] * 10), images, strict=False):
        parts.append(f"<g:{tag}>{BASE}{escape(url)}</g:{tag}>\n")
    parts.append(f"<g:availability>{'in_stock' if is_there else 'out_of_stock'}")
    parts.append(f"</g:availability>\n<g:price>{price:.2f} {currency}</g:price>\n")
    if group:
        parts.append(f"<g:item_group_id>{group}</g:item_group_id>\n")
    for path in categories[:1]:
        parts.append(f"<g:google_product_category>{escape(path)}</g:google_product_category>\n")
    for path in categories:
        parts.append(f"<g:product_type>{escape(path)}</g:product_type>\n")
    for name, value in values:
        parts.append(f"<g:{name}>{escape(value)}</g:{name}>\n")
    parts.append("<g:condition>new</g:condition>\n</item>\n")
    return "".join(parts)


def plain_limit(path: Path) -> Iterator[int]:
    """``values()`` per table in keyset pages, strings to the file. A page per step."""
    with path.open("w") as file:
        file.write(HEAD)
        names = dict(Category.objects.values_list("path", "name"))
        paths = {
            pk: " > ".join(names[path[:end]] for end in range(4, len(path) + 1, 4))
            for pk, path in Category.objects.values_list("pk", "path")
        }
        codes = dict(ProductAttribute.objects.values_list("pk", "code"))
        last = 0
        while page := list(_page(last)):
            for text in _plain_items(page, paths, codes):
                file.write(text)
            last = page[-1][0]
            yield len(page)
        file.write(TAIL)


def _page(last: int) -> Any:
    public = Product.objects.filter(Q(parent=None) | Q(parent__is_public=True), is_public=True)
    chosen = public.exclude(structure="parent").filter(pk__gt=last).order_by("pk")
    return chosen.values_list("pk", "parent_id", "title", "slug", "description")[:PAGE]


def _plain_items(
    page: Sequence[Any], paths: dict[Any, str], codes: dict[Any, str]
) -> Iterator[str]:
    pks = [row[0] for row in page]
    parent_pks = {row[1] for row in page} - {None}
    both = [*pks, *parent_pks]
    read_parents = Product.objects.filter(pk__in=parent_pks)
    parents = {row[0]: row for row in read_parents.values_list("pk", "title", "description")}
    stock: dict[Any, Any] = {}
    for row in (
        StockRecord.objects.filter(product_id__in=pks)
        .order_by("pk")
        .values_list("product_id", "price", "price_currency", "num_in_stock", "num_allocated")
    ):
        stock.setdefault(row[0], row)
    images: dict[Any, list[str]] = {}
    links: dict[Any, list[str]] = {}
    values: dict[Any, list[tuple[str, str]]] = {}
    ordered = ProductImage.objects.filter(product_id__in=both).order_by("display_order", "pk")
    for pk, name in ordered.values_list("product_id", "original"):
        images.setdefault(pk, []).append(name)
    for pk, category in ProductCategory.objects.filter(product_id__in=both).values_list(
        "product_id", "category_id"
    ):
        links.setdefault(pk, []).append(paths[category])
    for pk, attribute, text in ProductAttributeValue.objects.filter(
        product_id__in=both
    ).values_list("product_id", "attribute_id", "value_text"):
        values.setdefault(pk, []).append((codes[attribute], text))
    storage = ProductImage._meta.get_field("original").storage
    for pk, parent_pk, title, slug, description in page:
        parent = parents.get(parent_pk)
        _pk, price, currency, in_stock, allocated = stock[pk]
        names = images.get(pk) or images.get(parent_pk, ())
        yield item(
            pk, title or parent[1], description or parent[2],
            reverse("catalogue:detail", kwargs={"product_slug": slug, "pk": pk}),
            [storage.url(name) for name in names], (in_stock or 0) - (allocated or 0) > 0,
            price, currency, links.get(pk) or links.get(parent_pk, ()), values.get(pk, ()),
            parent_pk,
        )  # fmt: skip


def naive_loop(path: Path, pks: Sequence[Any], step: int) -> Iterator[int]:
    """What a newcomer writes: everything is a property or a method of the product, as in the
    templates of Oscar itself. Some items per step."""
    strategy = Default()
    products = iter(Product.objects.filter(pk__in=pks).order_by("pk"))
    with path.open("w") as file:
        file.write(HEAD)
        while page := list(islice(products, step)):
            for product in page:
                info = strategy.fetch_for_product(product)
                text = product.description or (product.parent.description if product.parent else "")
                file.write(
                    item(
                        product.pk, product.get_title(), text, product.get_absolute_url(),
                        [image.original.url for image in product.get_all_images()],
                        info.availability.is_available_to_buy, info.price.incl_tax,
                        info.price.currency,
                        [one.full_name for one in product.get_categories()],
                        [
                            (value.attribute.code, value.value_as_text)
                            for value in product.get_attribute_values()
                        ],
                        product.parent_id,
                    )
                )  # fmt: skip
            yield len(page)
        file.write(TAIL)
