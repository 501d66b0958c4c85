"""A picture for each product, drawn on the spot."""

from __future__ import annotations

from io import BytesIO

from PIL import Image, ImageDraw, ImageFont

from .goods import Goods

SIDE = 480


def picture(goods: Goods) -> bytes:
    """A JPEG in the colour of the shelf, with the product's number on it."""
    image = Image.new("RGB", (SIDE, SIDE), goods.colour)
    draw = ImageDraw.Draw(image)
    light = tuple(min(255, part + 38) for part in goods.colour)
    shift = sum(goods.sku.encode()) % 160
    draw.ellipse((40 + shift // 2, 30, 300 + shift, 300), fill=light)
    draw.polygon(((0, SIDE), (shift, 320), (SIDE, SIDE)), fill=light)
    draw.text((SIDE / 2, SIDE / 2), goods.sku, "white", ImageFont.load_default(46), anchor="mm")
    return _jpeg(image)


def missing_picture() -> bytes:
    """What Oscar shows for a product without a picture."""
    return _jpeg(Image.new("RGB", (SIDE, SIDE), (226, 226, 226)))


def _jpeg(image: Image.Image) -> bytes:
    file = BytesIO()
    image.save(file, "JPEG", quality=82)
    return file.getvalue()
