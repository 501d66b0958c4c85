"""The two tables inside a feed: product attributes → fields, categories → Google's categories."""

from __future__ import annotations

from typing import ClassVar

from django.db import models
from django.utils.translation import gettext_lazy as _

from .base import ConnectorManager, ConnectorModel
from .feed import Feed


class FeedField(models.TextChoices):
    """What a feed can say of a product besides its own fields."""

    BRAND = "brand", _("brand")
    GTIN = "gtin", _("GTIN (EAN, UPC, ISBN)")
    MPN = "mpn", _("MPN (manufacturer's number)")
    COLOR = "color", _("colour")
    SIZE = "size", _("size")
    MATERIAL = "material", _("material")
    PATTERN = "pattern", _("pattern")
    GENDER = "gender", _("gender")
    AGE_GROUP = "age_group", _("age group")
    CONDITION = "condition", _("condition (new, refurbished, used)")
    NEW = "new", _("new (needed on the plan “Pro”)")
    LABEL_0 = "custom_label_0", _("custom label 0")
    LABEL_1 = "custom_label_1", _("custom label 1")
    LABEL_2 = "custom_label_2", _("custom label 2")
    LABEL_3 = "custom_label_3", _("custom label 3")
    LABEL_4 = "custom_label_4", _("custom label 4")


class FeedAttribute(ConnectorModel):
    """A product attribute of the shop → a field of the feed."""

    feed = models.ForeignKey(
        Feed, models.CASCADE, verbose_name=_("product feed"), related_name="attributes"
    )
    field = models.CharField(_("field of the feed"), max_length=20, choices=FeedField.choices)
    attribute = models.CharField(_("product attribute"), max_length=128)

    objects: ClassVar = ConnectorManager()

    class Meta:
        verbose_name = _("product attribute")
        verbose_name_plural = _("product attributes")
        ordering = ["pk"]
        constraints = [
            models.UniqueConstraint(
                fields=["feed", "field"],
                name="esputnik_feed_field_once",
                violation_error_message=_("This field is filled already."),
            )
        ]

    def __str__(self) -> str:
        return f"{self.attribute} → {self.field}"


class FeedCategory(ConnectorModel):
    """A category of the shop, with all below it → one of Google's product categories."""

    feed = models.ForeignKey(
        Feed, models.CASCADE, verbose_name=_("product feed"), related_name="google_categories"
    )
    category = models.CharField(_("category"), max_length=100)
    google_category = models.CharField(
        _("Google product category"),
        max_length=300,
        help_text=_("Its number or full path, such as 1604 or Apparel & Accessories > Clothing."),
    )

    objects: ClassVar = ConnectorManager()

    class Meta:
        verbose_name = _("Google product category")
        verbose_name_plural = _("Google product categories")
        ordering = ["pk"]
        constraints = [
            models.UniqueConstraint(
                fields=["feed", "category"],
                name="esputnik_feed_category_once",
                violation_error_message=_("This category is mapped already."),
            )
        ]

    def __str__(self) -> str:
        return f"{self.category} → {self.google_category}"
