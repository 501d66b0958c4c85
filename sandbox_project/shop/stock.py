"""Fills the shelves of a fresh shop: classes, categories, products, prices and pictures."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal

from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from oscar.apps.catalogue.categories import create_from_breadcrumbs
from oscar.core.loading import get_model

from .goods import Goods
from .pictures import picture

Category = get_model("catalogue", "Category")
Product = get_model("catalogue", "Product")
ProductAttribute = get_model("catalogue", "ProductAttribute")
ProductAttributeValue = get_model("catalogue", "ProductAttributeValue")
ProductCategory = get_model("catalogue", "ProductCategory")
ProductClass = get_model("catalogue", "ProductClass")
ProductImage = get_model("catalogue", "ProductImage")
Partner = get_model("partner", "Partner")
StockRecord = get_model("partner", "StockRecord")

IN_STOCK, IN_STOCK_ABROAD = 500, 60
HRYVNIAS_PER_EURO = Decimal(45)
PRODUCT_CLASSES = ("Clothes", "Goods", "Book")


def product_classes(names: Iterable[str]) -> dict[str, ProductClass]:
    classes = {}
    for name in names:
        classes[name], _ = ProductClass.objects.get_or_create(
            slug=name.lower(), defaults={"name": name, "track_stock": True}
        )
    ProductAttribute.objects.get_or_create(
        product_class=classes["Clothes"],
        code="size",
        defaults={"name": "Розмір / Size", "type": ProductAttribute.TEXT},
    )
    return classes


def fill_shelves(goods: list[Goods]) -> None:
    """Add every product that the shop does not have; in bulk, by kind of row."""
    known = set(Product.objects.values_list("upc", flat=True))
    goods = [item for item in goods if item.sku not in known]
    if not goods:
        return
    classes = product_classes(PRODUCT_CLASSES)
    paths = dict.fromkeys(item.categories for item in goods)
    categories = {path: create_from_breadcrumbs(path) for path in paths}
    products = Product.objects.bulk_create(_product(item, classes) for item in goods)
    ProductCategory.objects.bulk_create(
        ProductCategory(product=product, category=categories[item.categories])
        for product, item in zip(products, goods, strict=True)
    )
    ProductImage.objects.bulk_create(
        ProductImage(product=product, original=_stored(item), caption=item.title)
        for product, item in zip(products, goods, strict=True)
    )
    variations = _variations(products, goods)
    sold = [
        (product, item.price)
        for product, item in zip(products, goods, strict=True)
        if not item.sizes
    ]
    _price(sold + variations)


def _product(goods: Goods, classes: dict[str, ProductClass]) -> Product:
    return Product(
        structure=Product.PARENT if goods.sizes else Product.STANDALONE,
        product_class=classes[goods.product_class],
        upc=goods.sku,
        slug=goods.sku,
        title=goods.title,
        description=goods.description,
    )


def _stored(goods: Goods) -> str:
    name = f"images/products/sandbox/{goods.sku}.jpg"
    if not default_storage.exists(name):
        default_storage.save(name, ContentFile(picture(goods)))
    return name


def _variations(parents: list[Product], goods: list[Goods]) -> list[tuple[Product, Decimal]]:
    drafts = [
        (
            item,
            size,
            Product(
                structure=Product.CHILD,
                parent=parent,
                upc=f"{item.sku}-{size.lower()}",
                slug=f"{item.sku}-{size.lower()}",
                title=f"{item.title}, {size}",
            ),
        )
        for parent, item in zip(parents, goods, strict=True)
        for size in item.sizes
    ]
    children = Product.objects.bulk_create(child for _, _, child in drafts)
    size_attribute = ProductAttribute.objects.get(product_class__slug="clothes", code="size")
    ProductAttributeValue.objects.bulk_create(
        ProductAttributeValue(product=child, attribute=size_attribute, value_text=size)
        for child, (_, size, _) in zip(children, drafts, strict=True)
    )
    return [
        (child, item.price + 20 * item.sizes.index(size))
        for child, (item, size, _) in zip(children, drafts, strict=True)
    ]


def _price(sold: list[tuple[Product, Decimal]]) -> None:
    """In hryvnias everything; in euros what a warehouse abroad has, which is not food."""
    partner, _ = Partner.objects.get_or_create(code="kobzar", defaults={"name": "Kobzar"})
    abroad, _ = Partner.objects.get_or_create(code="kobzar-eu", defaults={"name": "Kobzar Europe"})
    StockRecord.objects.bulk_create(
        _record(product, partner, "UAH", price, IN_STOCK) for product, price in sold
    )
    StockRecord.objects.bulk_create(
        _record(product, abroad, "EUR", round(price / HRYVNIAS_PER_EURO, 2), IN_STOCK_ABROAD)
        for product, price in sold
        if not product.upc.startswith(("honey", "tea"))
    )


def _record(
    product: Product, partner: Partner, currency: str, price: Decimal, number: int
) -> StockRecord:
    return StockRecord(
        product=product,
        partner=partner,
        partner_sku=product.upc,
        price_currency=currency,
        price=price,
        num_in_stock=number,
    )
