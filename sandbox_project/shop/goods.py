"""What the sandbox shop sells: plain words, multiplied into some 250 products."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal


@dataclass(frozen=True)
class Goods:
    """One product of the catalogue; with ``sizes`` it is sold as variations."""

    sku: str
    title: str
    description: str
    categories: str  # "Clothes > Women > Dresses"
    product_class: str
    price: Decimal
    colour: tuple[int, int, int]
    sizes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Shelf:
    """A leaf category, and what stands in it."""

    code: str
    categories: str
    product_class: str
    nouns: tuple[tuple[str, str], ...]  # Ukrainian, English
    price: int
    colour: tuple[int, int, int]
    sizes: tuple[str, ...] = ()


NAMES = (
    ("Полісся", "Polissia"),
    ("Карпати", "Carpathians"),
    ("Дніпро", "Dnipro"),
    ("Поділля", "Podillia"),
    ("Таврія", "Tavria"),
    ("Хортиця", "Khortytsia"),
    ("Десна", "Desna"),
)

SHELVES = (
    Shelf(
        "dress",
        "Одяг > Жінкам > Сукні",
        "Clothes",
        (("Лляна сукня", "Linen dress"),),
        1890,
        (196, 84, 92),
        ("S", "M", "L", "XL"),
    ),
    Shelf(
        "shirt",
        "Одяг > Чоловікам > Сорочки",
        "Clothes",
        (("Вишиванка", "Embroidered shirt"),),
        1450,
        (84, 116, 196),
        ("S", "M", "L", "XL"),
    ),
    Shelf(
        "jumper",
        "Одяг > Жінкам > Светри",
        "Clothes",
        (("Вовняний светр", "Woollen jumper"),),
        2240,
        (140, 96, 170),
        ("S", "M", "L"),
    ),
    Shelf(
        "mug",
        "Home > Kitchen > Mugs",
        "Goods",
        (("Чашка", "Mug"), ("Кухоль", "Tankard")),
        220,
        (206, 142, 62),
    ),
    Shelf(
        "plate",
        "Home > Kitchen > Plates",
        "Goods",
        (("Тарілка", "Plate"), ("Таця", "Tray")),
        340,
        (92, 158, 132),
    ),
    Shelf(
        "candle",
        "Home > Decoration > Candles",
        "Goods",
        (("Свічка", "Candle"), ("Ліхтар", "Lantern")),
        165,
        (214, 186, 88),
    ),
    Shelf(
        "novel",
        "Books > Fiction > Novels",
        "Book",
        (("Роман", "Novel"), ("Оповідання", "Short stories")),
        280,
        (70, 104, 128),
    ),
    Shelf(
        "guide",
        "Books > Non-fiction > Travel",
        "Book",
        (("Путівник", "Travel guide"), ("Атлас", "Atlas")),
        420,
        (96, 128, 70),
    ),
    Shelf(
        "honey",
        "Food > Sweet > Honey",
        "Goods",
        (("Мед", "Honey"), ("Варення", "Jam"), ("Пастила", "Fruit paste")),
        190,
        (222, 158, 40),
    ),
    Shelf(
        "tea",
        "Food > Drinks > Herbal tea",
        "Goods",
        (("Трав'яний чай", "Herbal tea"), ("Узвар", "Dried fruit drink")),
        135,
        (104, 148, 84),
    ),
    Shelf(
        "toy",
        "Toys > Wooden > Animals",
        "Goods",
        (("Коник", "Wooden horse"), ("Ведмедик", "Wooden bear")),
        310,
        (176, 120, 84),
    ),
    Shelf(
        "puzzle",
        "Toys > Games > Puzzles",
        "Goods",
        (("Пазл", "Puzzle"), ("Гра", "Board game")),
        495,
        (62, 140, 176),
    ),
)


def catalogue() -> Iterator[Goods]:
    """Every product of the shop, the same on each call."""
    for shelf in SHELVES:
        number = 0
        for noun, english in shelf.nouns:
            for name, latin in NAMES:
                number += 1
                yield Goods(
                    sku=f"{shelf.code}-{number:02}",
                    title=f"{noun} «{name}»",
                    description=f"{english} “{latin}”, made in Ukraine. {noun} «{name}».",
                    categories=shelf.categories,
                    product_class=shelf.product_class,
                    price=Decimal(shelf.price) + Decimal("17.50") * number,
                    colour=shelf.colour,
                    sizes=shelf.sizes,
                )
