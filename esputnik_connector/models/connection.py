"""One account at a destination, and how the shop's words map to the account's."""

from __future__ import annotations

from typing import Any, ClassVar
from urllib.parse import urlsplit

from django.db import DEFAULT_DB_ALIAS, connections, models, router
from django.db.models.functions import Length
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from esputnik_connector.conf import conf
from esputnik_connector.destinations.addresses import demand_safe_address
from esputnik_connector.event_types import EventType, event_types
from esputnik_connector.fields import EncryptedTextField, ExplanationField
from esputnik_connector.records import Kind

from .base import ConnectorManager, ConnectorModel, ConnectorQuerySet
from .permissions import permissions
from .salt import Salt


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


class ConnectionQuerySet(ConnectorQuerySet["Connection"]):
    def capturing(self) -> ConnectionQuerySet:
        """Connections whose changes are written down, sent or not."""
        return self.filter(is_enabled=True)

    def sending(self) -> ConnectionQuerySet:
        """Connections that may talk to their destination now."""
        return self.capturing().filter(paused_at=None)


class Connection(ConnectorModel):
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
    # What is empty in the next five is the destination's own default: see registry.account.
    api_url = models.CharField(
        _("API address"), max_length=200, blank=True, default="", validators=[demand_safe_address]
    )
    tracker_url = models.CharField(
        _("tracker address"),
        max_length=200,
        blank=True,
        default="",
        validators=[demand_safe_address],
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
    order_route = models.CharField(_("order route"), max_length=10, blank=True, default="")
    erase_mode = models.CharField(
        _("when a customer is deleted"), max_length=10, blank=True, default=""
    )
    delete_orders = models.BooleanField(
        _("delete orders that the shop deleted"),
        default=False,
        help_text=_(
            "Off: what was sent of an order stays, with its revenue, after the shop deleted it."
        ),
    )
    consent_policy = models.CharField(
        _("people who have not said yes to messages"), max_length=12, blank=True, default=""
    )
    default_status = models.CharField(
        _("status of unmapped orders"),
        max_length=30,
        blank=True,
        default="",
        help_text=_("For an order status that has no row in the table of statuses below."),
    )
    organisation = models.CharField(_("organisation"), max_length=200, blank=True, editable=False)
    organisation_id = models.CharField(max_length=50, blank=True, editable=False)
    verified_at = models.DateTimeField(_("key accepted"), null=True, editable=False)
    checked_at = models.DateTimeField(_("key last tried"), null=True, editable=False)
    paused_at = models.DateTimeField(_("paused since"), null=True, editable=False)
    pause_detail = ExplanationField(_("why it is paused"), blank=True, editable=False)
    # User name of the person who paused it; "" for a pause of the connector's own, which an
    # accepted key ends.
    paused_by = models.CharField(
        _("paused by"), max_length=150, blank=True, default="", editable=False
    )
    # What the account said of itself when it was last asked: see operations.account.
    known_fields = models.JSONField(default=list, editable=False)
    registered_feeds = models.JSONField(null=True, editable=False)  # None: never asked
    environment = models.CharField(
        _("bound to"),
        max_length=300,
        blank=True,
        editable=False,
        help_text=_("The installation that may send. A restored copy elsewhere sends nothing."),
    )
    # Of the shop; of its own in a connection from the time in which each had one. By it its
    # deliveries are compared and its carts named, so it stays as it is.
    salt = EncryptedTextField(blank=True, default="", editable=False)
    created_at = models.DateTimeField(_("created"), default=timezone.now, editable=False)

    objects: ClassVar = ConnectionQuerySet.as_manager()

    class Meta:
        verbose_name = _("connection")
        verbose_name_plural = _("connections")
        ordering = ["name"]
        permissions = permissions()

    def __str__(self) -> str:
        return self.name

    def __repr__(self) -> str:
        return f"Connection(name={self.name!r})"

    def save(self, *args: Any, **kwargs: Any) -> None:
        if self._state.adding and not self.salt:
            alias = kwargs.get("using") or router.db_for_write(Connection, instance=self)
            self.salt = Salt.objects.using(alias).of_shop()
        super().save(*args, **kwargs)

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

    def pause(self, detail: str, *, by: str = "") -> None:
        """Stop sending until a person has acted or the key is accepted again.

        :param by: the person who wants it so; only a person ends it then.
        """
        self.paused_at = timezone.now()
        self.pause_detail = detail
        self.paused_by = by[:150] or self.paused_by
        self.save(update_fields=["paused_at", "pause_detail", "paused_by"])

    def resume(self) -> None:
        """Send again, whoever paused it."""
        self.paused_at, self.pause_detail, self.paused_by = None, "", ""
        self.save(update_fields=["paused_at", "pause_detail", "paused_by"])

    def forget_pause(self) -> list[str]:
        """A pause for the sake of a key that is no longer the one; that of a person stays. Names of
        the columns to save."""
        if not self.paused_by:
            self.paused_at, self.pause_detail = None, ""
        return ["paused_at", "pause_detail"]

    def accept_key(self, organisation: str, organisation_id: str) -> None:
        """The destination accepted the key: remember whose it is, and send again."""
        now = timezone.now()
        self.organisation, self.organisation_id = organisation[:200], organisation_id[:50]
        self.verified_at = self.checked_at = now
        written = ["organisation", "organisation_id", "verified_at", "checked_at"]
        self.save(update_fields=[*written, *self.forget_pause()])


class FieldMapping(ConnectorModel):
    """A contact attribute of the shop → an additional field of the account.

    The id of a field is text, as its destination spells it: a number, a name, a UUID.
    """

    connection = models.ForeignKey(
        Connection, models.CASCADE, verbose_name=_("connection"), related_name="field_mappings"
    )
    attribute = models.CharField(_("contact attribute"), max_length=100)
    field_id = models.CharField(_("field id"), max_length=100)

    objects: ClassVar = ConnectorManager()

    class Meta:
        verbose_name = _("field mapping")
        verbose_name_plural = _("field mappings")
        # By length first, so that 9 comes before 10. It is the order on the wire too.
        ordering = ["attribute", Length("field_id"), "field_id"]
        constraints = [
            models.UniqueConstraint(
                fields=["connection", "field_id"],
                name="esputnik_field_once",
                violation_error_message=_("This field id is mapped already."),
            )
        ]

    def __str__(self) -> str:
        return f"{self.attribute} → {self.field_id}"


class StatusMapping(ConnectorModel):
    """An order status of the shop → one of the destination's, or “do not send”."""

    connection = models.ForeignKey(
        Connection, models.CASCADE, verbose_name=_("connection"), related_name="status_mappings"
    )
    shop_status = models.CharField(_("status in the shop"), max_length=100)
    status = models.CharField(_("status at the destination"), max_length=30)

    objects: ClassVar = ConnectorManager()

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
