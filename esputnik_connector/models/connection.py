"""One account at a destination, and how the shop's words map to the account's."""

from __future__ import annotations

import secrets
from collections.abc import Iterable
from typing import Any
from urllib.parse import urlsplit

from django.core.validators import MinValueValidator, RegexValidator
from django.db import DEFAULT_DB_ALIAS, connections, models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from esputnik_connector.conf import conf
from esputnik_connector.event_types import EventType, event_types
from esputnik_connector.fields import EncryptedTextField
from esputnik_connector.records import Kind

HTTPS_OR_LOCAL = RegexValidator(
    r"^https://|^http://(localhost|127\.0\.0\.1|\[::1\]|[a-z0-9-]+)([:/]|$)",
    _("Use https: the API key travels with every request."),
)


class OrderRoute(models.TextChoices):
    ORDERS = "orders", _("Add orders (starts an order<STATUS> event for each)")
    EVENTS = "events", _("Generate event v3 (orderCreated, orderUpdated, …)")


class EraseMode(models.TextChoices):
    ERASE = "erase", _("Erase all data (GDPR); orders become anonymous")
    DEACTIVATE = "deactivate", _("Mark as deleted; can be restored in eSputnik")


class OrderStatus(models.TextChoices):
    """The five statuses that eSputnik knows (contract, Order object), and one of ours."""

    INITIALIZED = "INITIALIZED", _("INITIALIZED – received")
    IN_PROGRESS = "IN_PROGRESS", _("IN_PROGRESS – being worked on")
    DELIVERED = "DELIVERED", _("DELIVERED – counts as revenue")
    CANCELLED = "CANCELLED", _("CANCELLED")
    ABANDONED_SHOPPING_CART = "ABANDONED_SHOPPING_CART", _("ABANDONED_SHOPPING_CART")
    DO_NOT_SEND = "DO_NOT_SEND", _("do not send")


def new_salt() -> str:
    return secrets.token_hex(32)


def this_environment() -> str:
    """What tells this installation from a copy of its database elsewhere.

    The host name is left out on purpose: in containers it changes with every deployment.
    """
    if conf.ENVIRONMENT:
        return conf.ENVIRONMENT
    database = connections[DEFAULT_DB_ALIAS].settings_dict
    address = f"{database.get('HOST') or 'local'}:{database.get('PORT') or '-'}"
    shop = urlsplit(conf.SHOP_URL)  # http or https, in capitals or with a slash: the same shop
    return f"{address}/{database['NAME']} {shop.netloc.lower()}{shop.path.rstrip('/')}".strip()[
        :300
    ]


class ConnectionQuerySet(models.QuerySet["Connection"]):
    def capturing(self) -> ConnectionQuerySet:
        """Connections whose changes are written down, sent or not."""
        return self.filter(is_enabled=True)

    def sending(self) -> ConnectionQuerySet:
        """Connections that may talk to their destination now."""
        return self.capturing().filter(paused_at=None)


class Connection(models.Model):
    """One account at a destination: key, switches, maps."""

    name = models.SlugField(
        pgettext_lazy("of a connection or a feed", "name"),  # bare, it is Django's word for people
        unique=True,
        help_text=_("A short name for logs and commands, such as “main”."),
    )
    destination = models.CharField(_("destination"), max_length=50, default="esputnik")
    is_enabled = models.BooleanField(
        _("enabled"),
        default=True,
        help_text=_("Off: changes in the shop are not even noted for this connection."),
    )
    api_key = EncryptedTextField(_("API key"), blank=True, default="")
    api_url = models.CharField(
        _("API address"),
        max_length=200,
        default="https://esputnik.com/api",
        validators=[HTTPS_OR_LOCAL],
    )
    tracker_url = models.CharField(
        _("tracker address"),
        max_length=200,
        default="https://tracker.esputnik.com/api/v2",
        validators=[HTTPS_OR_LOCAL],
    )
    sync_contacts = models.BooleanField(_("send customers"), default=True)
    sync_orders = models.BooleanField(_("send orders"), default=True)
    sync_carts = models.BooleanField(_("send carts"), default=True)
    send_back_in_stock = models.BooleanField(
        _("tell people when a product is back"),
        default=False,
        help_text=_(
            "An event in eSputnik for everybody who asked to be told when a sold-out product can "
            "be bought again. It needs a workflow there. Oscar itself writes to the same people."
        ),
    )
    send_price_drop = models.BooleanField(
        _("tell people when a product gets cheaper"),
        default=False,
        help_text=_(
            "An event in eSputnik for everybody who has the product in a wish list, at most one "
            "a day. It needs a workflow there."
        ),
    )
    order_route = models.CharField(
        _("order route"), max_length=10, choices=OrderRoute.choices, default=OrderRoute.ORDERS
    )
    erase_mode = models.CharField(
        _("when a customer is deleted"),
        max_length=10,
        choices=EraseMode.choices,
        default=EraseMode.ERASE,
    )
    default_status = models.CharField(
        _("status of unmapped orders"),
        max_length=30,
        choices=OrderStatus.choices,
        default=OrderStatus.INITIALIZED,
        help_text=_("For an order status that has no row in the table of statuses below."),
    )
    organisation = models.CharField(_("organisation"), max_length=200, blank=True, editable=False)
    organisation_id = models.CharField(max_length=50, blank=True, editable=False)
    verified_at = models.DateTimeField(_("key accepted"), null=True, editable=False)
    checked_at = models.DateTimeField(_("key last tried"), null=True, editable=False)
    paused_at = models.DateTimeField(_("paused since"), null=True, editable=False)
    pause_detail = models.TextField(_("why it is paused"), blank=True, editable=False)
    environment = models.CharField(
        _("bound to"),
        max_length=300,
        blank=True,
        editable=False,
        help_text=_("The installation that may send. A restored copy elsewhere sends nothing."),
    )
    salt = EncryptedTextField(default=new_salt, editable=False)
    created_at = models.DateTimeField(_("created"), default=timezone.now, editable=False)

    objects = ConnectionQuerySet.as_manager()

    class Meta:
        verbose_name = _("connection")
        verbose_name_plural = _("connections")
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name

    def __repr__(self) -> str:
        return f"Connection(name={self.name!r})"

    @property
    def is_bound_here(self) -> bool:
        """May this installation send? Not, when the database was copied from another one."""
        return self.environment in ("", this_environment())

    def bind(self) -> None:
        """Make this installation the one that sends."""
        self.environment = this_environment()
        self.save(update_fields=["environment"])

    def syncs(self, kind: Kind) -> bool:
        """Does the merchant want this kind sent? Erasures always are."""
        switches = {
            Kind.CONTACT: self.sync_contacts,
            Kind.ORDER: self.sync_orders,
            Kind.CART: self.sync_carts,
            Kind.EVENT: any(self.sends(each) for each in event_types()),
        }
        return switches.get(kind, True)

    def sends(self, event_type: EventType) -> bool:
        """Does the merchant want events of this type sent?"""
        return not event_type.switch or bool(getattr(self, event_type.switch))

    def pause(self, detail: str) -> None:
        """Stop sending until a person has acted or the key is accepted again."""
        self.paused_at = timezone.now()
        self.pause_detail = detail
        self.save(update_fields=["paused_at", "pause_detail"])

    def accept_key(self, organisation: str, organisation_id: str) -> None:
        """The destination accepted the key: remember whose it is, and send again."""
        now = timezone.now()
        self.organisation, self.organisation_id = organisation[:200], organisation_id[:50]
        self.verified_at = self.checked_at = now
        self.paused_at, self.pause_detail = None, ""
        self.save(
            update_fields=[
                "organisation", "organisation_id", "verified_at", "checked_at",
                "paused_at", "pause_detail",
            ]
        )  # fmt: skip


class FieldMapping(models.Model):
    """A contact attribute of the shop → an additional field of the account."""

    connection = models.ForeignKey(
        Connection, models.CASCADE, verbose_name=_("connection"), related_name="field_mappings"
    )
    attribute = models.CharField(_("contact attribute"), max_length=100)
    field_id = models.PositiveIntegerField(
        _("field id"),
        validators=[MinValueValidator(1)],
        help_text=_("eSputnik → Contacts → Additional fields. A new one takes up to an hour."),
    )

    class Meta:
        verbose_name = _("field mapping")
        verbose_name_plural = _("field mappings")
        ordering = ["attribute", "field_id"]
        constraints = [
            models.UniqueConstraint(
                fields=["connection", "field_id"],
                name="esputnik_field_once",
                violation_error_message=_("This field id is mapped already."),
            )
        ]

    def __str__(self) -> str:
        return f"{self.attribute} → {self.field_id}"


class StatusMapping(models.Model):
    """An order status of the shop → one of eSputnik's, or “do not send”."""

    connection = models.ForeignKey(
        Connection, models.CASCADE, verbose_name=_("connection"), related_name="status_mappings"
    )
    shop_status = models.CharField(_("status in the shop"), max_length=100)
    status = models.CharField(_("status in eSputnik"), max_length=30, choices=OrderStatus.choices)

    class Meta:
        verbose_name = _("status mapping")
        verbose_name_plural = _("status mappings")
        ordering = ["pk"]
        constraints = [
            models.UniqueConstraint(
                fields=["connection", "shop_status"],
                name="esputnik_status_once",
                violation_error_message=_("This status is mapped already."),
            )
        ]

    def __str__(self) -> str:
        return f"{self.shop_status} → {self.status}"


STATUS_HINTS: tuple[tuple[OrderStatus, tuple[str, ...]], ...] = (
    (
        OrderStatus.CANCELLED,
        ("cancel", "refund", "return", "fail", "declin", "reject", "void", "скасов", "відмін",
         "повер", "відмов"),
    ),
    (
        OrderStatus.IN_PROGRESS,
        ("process", "progress", "paid", "ship", "dispatch", "sent", "pack", "hold", "confirm",
         "оброб", "оплач", "відправ", "підтвердж", "комплект"),
    ),
    (
        OrderStatus.DELIVERED,
        ("complete", "deliver", "done", "finish", "викон", "доставл", "заверш"),
    ),
    (OrderStatus.INITIALIZED, ("pending", "new", "init", "open", "created", "нов", "очіку")),
)  # fmt: skip


def propose_statuses(statuses: Iterable[str]) -> dict[str, OrderStatus]:
    """A sensible mapping for statuses whose name says what they are; the others are left out."""
    proposals = {}
    for status in statuses:
        name = status.casefold()
        for proposal, hints in STATUS_HINTS:
            if any(hint in name for hint in hints):
                proposals[status] = proposal
                break
    return proposals


def add_proposed_statuses(connection: Connection, statuses: Iterable[str]) -> list[Any]:
    """Store the proposals for statuses that have no mapping yet; what a person chose stays."""
    known = set(connection.status_mappings.values_list("shop_status", flat=True))
    proposals = propose_statuses(status for status in statuses if status not in known)
    return StatusMapping.objects.bulk_create(
        StatusMapping(connection=connection, shop_status=shop_status, status=status)
        for shop_status, status in proposals.items()
    )
