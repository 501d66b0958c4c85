"""How the builds of a feed went, and what was wrong with its products."""

from __future__ import annotations

from collections.abc import Collection
from enum import Enum
from typing import TYPE_CHECKING, ClassVar

from django.db import models
from django.db.models import Max, Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from esputnik_connector.fields import ExplanationField

from .base import ConnectorManager, ConnectorModel, ConnectorQuerySet
from .feed import Feed
from .labels import choices
from .timezones import local_time

if TYPE_CHECKING:
    from django.utils.functional import _StrPromise as Lazy


class Flaw(str, Enum):
    """One thing that is wrong with one product."""

    NO_PRICE = "no_price"
    ZERO_PRICE = "zero_price"
    OTHER_CURRENCY = "other_currency"
    PRICE_ROUNDED = "price_rounded"
    NO_TITLE = "no_title"
    NO_LINK = "no_link"
    NO_IMAGE = "no_image"
    IMAGE_MISSING = "image_missing"
    NO_DESCRIPTION = "no_description"
    NO_BRAND = "no_brand"
    NO_CATEGORY = "no_category"
    BAD_GTIN = "bad_gtin"
    DUPLICATE_ID = "duplicate_id"
    TOO_LONG = "too_long"
    NOT_ABSOLUTE = "not_absolute"
    NOT_HTTPS = "not_https"


FLAWS: dict[Flaw, Lazy] = {
    Flaw.NO_PRICE: _("no price; left out"),
    Flaw.ZERO_PRICE: _("the price is 0"),
    Flaw.OTHER_CURRENCY: _("no price in the feed's currency; left out"),
    Flaw.PRICE_ROUNDED: _("the price has more decimals than its currency and was rounded"),
    Flaw.NO_TITLE: _("no title; left out"),
    Flaw.NO_LINK: _("no page in the shop; left out"),
    Flaw.NO_IMAGE: _("no picture"),
    Flaw.IMAGE_MISSING: _("the storage does not have the picture"),
    Flaw.NO_DESCRIPTION: _("no description"),
    Flaw.NO_BRAND: _("no brand"),
    Flaw.NO_CATEGORY: _("no category"),
    Flaw.BAD_GTIN: _("not a GTIN (EAN, UPC, ISBN); left empty"),
    Flaw.DUPLICATE_ID: _("the id is in the feed already; left out"),
    Flaw.TOO_LONG: _("longer than feeds allow and was cut"),
    Flaw.NOT_ABSOLUTE: _("an address that does not begin with http:// or https://"),
    Flaw.NOT_HTTPS: _("an http:// address in a shop with https"),
}


# eSputnik refuses such a product, or shows it with no picture or a price of 0 (esputnik-api.md,
# 12). What is left out is serious too. An address that is too long or not absolute may be either.
SERIOUS = frozenset({Flaw.NO_IMAGE, Flaw.ZERO_PRICE, Flaw.NO_CATEGORY})
LEFT_OUT = frozenset(
    {Flaw.NO_PRICE, Flaw.OTHER_CURRENCY, Flaw.NO_TITLE, Flaw.NO_LINK, Flaw.DUPLICATE_ID}
)
HINTS = frozenset(Flaw) - SERIOUS - LEFT_OUT - {Flaw.NOT_ABSOLUTE, Flaw.TOO_LONG}


class BuildStatus(models.TextChoices):
    RUNNING = "running", _("running")
    PUBLISHED = "published", _("published")
    UNCHANGED = "unchanged", _("same as before")
    HELD = "held", _("held back: waits for a person")
    REFUSED = "refused", _("refused: not well-formed")
    FAILED = "failed", _("failed")
    DISCARDED = "discarded", _("discarded")


GOOD = (BuildStatus.PUBLISHED, BuildStatus.UNCHANGED)  # such a build is what is served


class FeedBuildQuerySet(ConnectorQuerySet["FeedBuild"]):
    def decisive(self, feeds: Collection[Feed]) -> FeedBuildQuerySet:
        """Of each of the feeds: the build that waits for a person, the last one that is over, and
        the last good one. The newest first."""
        over = self.filter(feed__in=feeds).exclude(status=BuildStatus.RUNNING).order_by()
        last = over.values("feed").annotate(last=Max("pk")).values("last")
        good = over.filter(status__in=GOOD).values("feed").annotate(last=Max("pk")).values("last")
        held = Q(feed__in=feeds, status=BuildStatus.HELD)
        return self.filter(Q(pk__in=last) | Q(pk__in=good) | held).order_by("-pk")

    def compared(self) -> FeedBuildQuerySet:
        """Those that came to an end and were compared with what was served."""
        return self.exclude(status__in=[BuildStatus.RUNNING, BuildStatus.FAILED])


class FeedBuild(ConnectorModel):
    """One build and what became of it. Of a held one the file is kept until a person decides."""

    feed = models.ForeignKey(
        Feed, models.CASCADE, verbose_name=_("product feed"), related_name="builds"
    )
    status = models.CharField(
        _("outcome"), max_length=10, choices=BuildStatus.choices, default=BuildStatus.RUNNING
    )
    started_at = models.DateTimeField(_("started"), default=timezone.now)
    finished_at = models.DateTimeField(_("finished"), null=True)
    item_count = models.PositiveIntegerField(_("items"), default=0)
    left_out = models.PositiveIntegerField(_("left out"), default=0)
    flawed = models.PositiveIntegerField(_("with problems"), default=0)
    serious = models.PositiveIntegerField(null=True)  # of these; None: not counted at that time
    counts = models.JSONField(_("problems"), default=dict)
    changes = models.JSONField(_("against what was served"), null=True, default=None)
    former_count = models.PositiveIntegerField(_("items before"), default=0)
    size = models.PositiveBigIntegerField(_("size"), default=0)
    detail = ExplanationField(_("what happened"), blank=True, default="")
    file = models.CharField(max_length=255, blank=True)
    gzip_file = models.CharField(max_length=255, blank=True)
    manifest = models.CharField(max_length=255, blank=True)
    gzip_size = models.PositiveBigIntegerField(default=0)
    digest = models.CharField(max_length=64, blank=True)

    objects: ClassVar = FeedBuildQuerySet.as_manager()

    class Meta:
        verbose_name = _("build of a feed")
        verbose_name_plural = _("builds of feeds")
        ordering = ["-pk"]

    def __str__(self) -> str:
        return f"{self.feed} {local_time(self.started_at):%Y-%m-%d %H:%M}"

    @property
    def files(self) -> list[str]:
        """Names in the storage of what this build left there."""
        return [name for name in (self.file, self.gzip_file, self.manifest) if name]

    @property
    def seconds(self) -> float:
        ended = self.finished_at or timezone.now()
        return (ended - self.started_at).total_seconds()

    @property
    def product_count(self) -> int:
        """The products that were looked at."""
        return self.item_count + self.left_out

    @property
    def serious_count(self) -> int:
        """Products that eSputnik refuses or shows wrongly; where they were not counted, at least so
        many."""
        if self.serious is not None:
            return self.serious
        return self.left_out + max(int(self.counts.get(flaw.value, 0)) for flaw in SERIOUS)

    @property
    def error_rate(self) -> float:
        """Share of the products looked at that have any problem, from 0 to 1."""
        return self.flawed / self.product_count if self.product_count else 0.0

    @property
    def difference(self) -> int:
        """Items more than the build before."""
        return self.item_count - self.former_count


class FeedProblem(ConnectorModel):
    """What is wrong with one product in the last build of a feed. Examples: at most so many of each
    reason are kept, while the build counts them all."""

    feed = models.ForeignKey(
        Feed, models.CASCADE, verbose_name=_("product feed"), related_name="problems"
    )
    product_key = models.CharField(_("product"), max_length=255)
    title = models.CharField(_("title"), max_length=150, blank=True)
    url = models.CharField(max_length=2000, blank=True)
    flaw = models.CharField(_("reason"), max_length=20, choices=choices(FLAWS))
    detail = models.CharField(_("detail"), max_length=300, blank=True)

    objects: ClassVar = ConnectorManager()

    class Meta:
        default_permissions = ("view",)
        verbose_name = _("problem of a feed")
        verbose_name_plural = _("problems of feeds")
        ordering = ["pk"]
        indexes = [models.Index(fields=["feed", "flaw"], name="esputnik_problem_flaw")]

    def __str__(self) -> str:
        return f"{self.product_key}: {self.get_flaw_display()}"
