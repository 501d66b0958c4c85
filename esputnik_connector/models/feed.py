"""A product feed: what it holds, the file that is served now, and how its builds went."""

from __future__ import annotations

import secrets
from datetime import datetime, timedelta
from typing import ClassVar

from django.core.validators import MaxValueValidator, MinValueValidator, RegexValidator
from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from esputnik_connector.fields import EncryptedTextField

from .base import ConnectorQuerySet
from .clock import has_come
from .lease import Leased, is_free

TOKEN_BYTES = 32  # 256 bits cannot be guessed
FIRST_RETRY = timedelta(minutes=15)
MOST_HOURS = 24 * 7  # between two builds
LONGEST_BETWEEN = timedelta(hours=MOST_HOURS, minutes=15)  # clocks may be minutes apart


class FeedFormat(models.TextChoices):
    GOOGLE = "google", _("Google Shopping RSS 2.0 (XML): what eSputnik reads")
    YML = "yml", _("YML (XML): for Mindbox")
    JSONL = "jsonl", _("JSON lines: for your own tools")


def new_secret() -> str:
    return secrets.token_urlsafe(TOKEN_BYTES)


class FeedQuerySet(ConnectorQuerySet["Feed"]):
    def due(self, now: datetime) -> FeedQuerySet:
        """Enabled, their time has come, and no build of theirs is running."""
        return self.filter(
            is_free(now), has_come("due_at", now, longest=LONGEST_BETWEEN), is_enabled=True
        )


class Feed(Leased):
    """One file for one language, currency and format, at a secret address."""

    name = models.SlugField(
        pgettext_lazy("of a connection or a feed", "name"),  # bare, it is Django's word for people
        unique=True,
        help_text=_("A short name for logs and commands, such as “uk”."),
    )
    is_enabled = models.BooleanField(
        _("enabled"), default=True, help_text=_("Off: the address answers “410 Gone”.")
    )
    format = models.CharField(
        _("format"), max_length=10, choices=FeedFormat.choices, default=FeedFormat.GOOGLE
    )
    language = models.CharField(_("language"), max_length=15)
    currency = models.CharField(
        _("currency"),
        max_length=3,
        validators=[RegexValidator(r"^[A-Z]{3}$", _("Three capital letters, such as UAH."))],
        help_text=_("Three letters, such as UAH. What has no price in it is left out."),
    )
    shop_url = models.CharField(
        _("storefront"),
        max_length=200,
        blank=True,
        validators=[RegexValidator(r"^https?://[^/\s]+", _("Begin with https:// or http://."))],
        help_text=_(
            "Address of the storefront that the links lead to, such as https://shop.example. "
            "Empty: SHOP_URL of the settings."
        ),
    )
    title = models.CharField(_("title of the shop"), max_length=150, blank=True)
    secret = models.CharField(max_length=64, default=new_secret, editable=False)
    auth_user = models.CharField(
        _("user name"),
        max_length=100,
        blank=True,
        help_text=_("For HTTP Basic authentication. Empty: the secret address is enough."),
    )
    auth_password = EncryptedTextField(_("password"), blank=True, default="")

    is_one_per_parent = models.BooleanField(
        _("one item per product"),
        default=False,
        help_text=_(
            "Off: each variation is an item, as in orders and carts. On: one item stands for all "
            "variations; eSputnik then cannot join it with what was bought."
        ),
    )
    only_buyable = models.BooleanField(
        _("only what can be bought"),
        default=False,
        help_text=_("Off: what is out of stock stays in the feed and says so."),
    )
    with_offers = models.BooleanField(
        _("sale prices from offers"),
        default=True,
        help_text=_("Only of offers that everybody gets on every piece."),
    )
    checks_images = models.BooleanField(
        _("look for each picture"),
        default=False,
        help_text=_(
            "Asks a remote storage for every picture, which takes long. A local one is asked "
            "in any case."
        ),
    )
    categories = models.JSONField(_("only these categories"), default=list, blank=True)
    product_classes = models.JSONField(_("only these product classes"), default=list, blank=True)
    uses_google_taxonomy = models.BooleanField(
        _("Google's categories instead of the shop's"),
        default=False,
        help_text=_(
            "Off: google_product_category holds the shop's own path, by which eSputnik joins the "
            "feed with what visitors look at. On: what the table of Google product categories "
            "says; eSputnik then cannot join the two by category."
        ),
    )
    brand = models.CharField(
        _("brand of products without one"), max_length=70, blank=True, default=""
    )
    requires_brand = models.BooleanField(_("every product needs a brand"), default=True)

    every_hours = models.PositiveSmallIntegerField(
        _("build every … hours"),
        default=24,
        validators=[MinValueValidator(1), MaxValueValidator(MOST_HOURS)],
    )
    stale_hours = models.PositiveSmallIntegerField(
        _("too old after … hours"), default=48, validators=[MinValueValidator(1)]
    )
    largest_shrink = models.PositiveSmallIntegerField(
        _("largest loss, %"),
        default=20,
        validators=[MaxValueValidator(100)],
        help_text=_("A build that lost more of its items than this waits for a person."),
    )

    file = models.CharField(max_length=255, blank=True, editable=False)
    gzip_file = models.CharField(max_length=255, blank=True, editable=False)
    manifest = models.CharField(max_length=255, blank=True, editable=False)
    former_files = models.JSONField(default=list, editable=False)
    digest = models.CharField(max_length=64, blank=True, editable=False)
    size = models.PositiveBigIntegerField(_("size"), default=0, editable=False)
    gzip_size = models.PositiveBigIntegerField(default=0, editable=False)
    item_count = models.PositiveIntegerField(_("items"), default=0, editable=False)
    changed_at = models.DateTimeField(_("content of"), null=True, editable=False)
    built_at = models.DateTimeField(_("last good build"), null=True, editable=False)
    due_at = models.DateTimeField(_("next build"), default=timezone.now, editable=False)
    failures = models.PositiveIntegerField(default=0, editable=False)
    stale_since = models.DateTimeField(null=True, editable=False)
    fetched_at = models.DateTimeField(_("last fetched"), null=True, editable=False)
    fetched_by = models.CharField(max_length=200, blank=True, editable=False)
    created_at = models.DateTimeField(_("created"), default=timezone.now, editable=False)

    objects: ClassVar = FeedQuerySet.as_manager()

    class Meta:
        verbose_name = _("product feed")
        verbose_name_plural = _("product feeds")
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name

    def __repr__(self) -> str:
        return f"Feed(name={self.name!r})"

    @property
    def files(self) -> list[str]:
        """Names in the storage of what is served now."""
        return [name for name in (self.file, self.gzip_file, self.manifest) if name]

    @property
    def token(self) -> str:
        """The secret part of the address: which feed, and the proof that the reader may read it."""
        return f"{self.pk}.{self.secret}"

    def rotate(self) -> None:
        """A new address; the old one answers 404 from now on."""
        self.secret = new_secret()
        self.save(update_fields=["secret"])

    def is_stale(self, now: datetime) -> bool:
        """Is the last good build older than the merchant allows?"""
        since = self.built_at or self.created_at
        return self.is_enabled and since < now - timedelta(hours=self.stale_hours)

    def next_build_in(self) -> timedelta:
        """How long after a build the next one is due; after failures sooner, then ever later."""
        regular = timedelta(hours=self.every_hours)
        if not self.failures:
            return regular
        doublings: int = min(self.failures - 1, 10)
        return min(regular, FIRST_RETRY * (1 << doublings))
