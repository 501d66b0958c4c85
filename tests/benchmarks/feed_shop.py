"""A large catalogue, made in bulk: 40 % variations, 3 pictures, 10 attributes, 5 levels deep."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import Any

from django.db import connection
from oscar.core.loading import get_model

FIELDS = ("brand", "color", "size", "material", "pattern", "gender", "custom_label_0",
          "custom_label_1", "custom_label_2", "custom_label_3")  # fmt: skip

Category = get_model("catalogue", "Category")
Product = get_model("catalogue", "Product")
ProductAttribute = get_model("catalogue", "ProductAttribute")
ProductAttributeValue = get_model("catalogue", "ProductAttributeValue")
ProductCategory = get_model("catalogue", "ProductCategory")
ProductClass = get_model("catalogue", "ProductClass")
ProductImage = get_model("catalogue", "ProductImage")
StockRecord = get_model("partner", "StockRecord")
TEXT = "<p>Лляна сорочка для літа &amp; моря. Fine linen, two pockets.</p>" * 9


def fill(number: int) -> None:
    """Products in the proportions that are promised; siblings stand far apart, which is the hardest
    way: the variations of a page have as many parents."""
    kind = ProductClass.objects.create(name="Clothes", track_stock=True)
    partner = get_model("partner", "Partner").objects.create(code="one", name="One")
    Category.objects.bulk_create(
        Category(name=f"C{path}", slug=f"c{path}", path=path, depth=len(path) // 4)
        for first in range(1, 41)
        for path in ("".join(f"{first:04}" for _ in range(depth)) for depth in range(1, 6))
    )
    leaves = list(Category.objects.filter(depth=5))
    ProductAttribute.objects.bulk_create(
        ProductAttribute(product_class=kind, name=name, code=name, type="text") for name in FIELDS
    )
    for start in range(0, number, 10_000):
        _fill_part(start, min(10_000, number - start), kind, partner, leaves)
    values = ProductAttributeValue._meta.db_table
    with connection.cursor() as cursor:  # ten rows of each product: far too many for objects
        cursor.execute(
            f"""
            INSERT INTO {values} (product_id, attribute_id, value_text)
            SELECT product.id, attribute.id, 'v ' || product.id %% 97
            FROM {Product._meta.db_table} product, {ProductAttribute._meta.db_table} attribute
            WHERE product.structure <> %s ORDER BY product.id, attribute.id
            """,
            [Product.PARENT],
        )
        cursor.execute("ANALYZE")


def _fill_part(start: int, size: int, kind: Any, partner: Any, leaves: list[Any]) -> None:
    """Half alone, a tenth parents, four tenths variations of those."""
    canonical = Product.objects.bulk_create(
        Product(
            structure="parent" if number % 6 == 5 else "standalone", product_class=kind,
            title=f"Сорочка {start + number}", slug=f"s{start + number}", description=TEXT,
            upc=f"u{start + number}",
        )
        for number in range(size * 6 // 10)
    )  # fmt: skip
    parents = [one for one in canonical if one.structure == "parent"]
    children = Product.objects.bulk_create(
        Product(structure="child", parent=parents[number % len(parents)], title="",
                slug=f"v{start + number}", upc=f"v{start + number}")
        for number in range(size * 4 // 10)
    )  # fmt: skip
    sold = [one for one in canonical if one.structure != "parent"] + children
    StockRecord.objects.bulk_create(
        StockRecord(product=one, partner=partner, partner_sku=f"k{one.pk}", price_currency="UAH",
                    price=Decimal(one.pk % 900 + 10), num_in_stock=one.pk % 5)
        for one in sold
    )  # fmt: skip
    ProductImage.objects.bulk_create(
        ProductImage(product=one, original=f"images/{one.pk}-{order}.jpg", display_order=order)
        for one in canonical
        for order in range(3)
    )
    ProductCategory.objects.bulk_create(
        ProductCategory(product=one, category=leaves[one.pk % len(leaves)]) for one in canonical
    )


def lay_out_pictures(media: Path) -> None:
    """Empty files where the pictures should be."""
    (media / "images").mkdir()
    for name in ProductImage.objects.values_list("original", flat=True).iterator():
        (media / name).touch()
