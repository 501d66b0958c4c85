"""One public domain of the shop under a connection, and how far its set-up at the account got."""

from __future__ import annotations

import time
from datetime import datetime, timedelta
from typing import ClassVar

from django.db import models, transaction
from django.db.models import Q
from django.db.models.signals import post_delete, post_save
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from esputnik_connector.behaviour import ALLOWED_ROUTES, DEFAULT_ROUTES, BehaviourType, Route
from esputnik_connector.conf import conf
from esputnik_connector.fields import ExplanationField

from .base import ConnectorManager, ConnectorModel, ConnectorQuerySet
from .clock import has_come
from .connection import Connection
from .lease import Leased, is_free

PUSH_NAME = "sw.js"
PUSH_PATH = "/push/esputnik/"  # a folder of its own: another provider's worker has another scope
REFRESH_EVERY = timedelta(days=1)
LONGEST_BETWEEN = timedelta(days=2)  # two refreshes; what lies further ahead is not believed


class FormsChoice(models.TextChoices):
    """Whose forms visitors meet."""

    BOTH = "both", _("the shop's form and eSputnik's widgets")
    WIDGETS = "widgets", _("eSputnik's widgets only: the shop's form is hidden")
    SHOP = "shop", _("the shop's form only: widgets are not loaded")


class StepName(models.TextChoices):
    """What a storefront needs at the account, in the order in which it is done."""

    DOMAIN = "domain", _("register the domain")
    SCRIPT = "script", _("fetch the site script")
    PUSH_DOMAIN = "push_domain", _("register the domain for web push")
    PUSH_SCRIPT = "push_script", _("fetch the web push script and its worker")
    WORKER = "worker", _("look for the service worker from outside")
    LEAVE = "leave", _("take the domain out of web push")


class StepState(models.TextChoices):
    """How far a step is."""

    WAITING = "waiting", _("not done yet")
    DONE = "done", _("done")
    FAILED = "failed", _("failed")
    OFF = "off", _("not wanted")


class StorefrontQuerySet(ConnectorQuerySet["Storefront"]):
    def connected(self) -> StorefrontQuerySet:
        """Those that visitors may meet: neither disconnected nor of a connection that is off."""
        return self.filter(disconnected_at=None, connection__is_enabled=True)

    def due(self, now: datetime) -> StorefrontQuerySet:
        """Connected, or still to be taken out of web push; their time has come, and no worker is
        at them."""
        is_wanted = Q(disconnected_at=None, connection__is_enabled=True) | ~Q(push_domain="")
        is_due = has_come("due_at", now, longest=LONGEST_BETWEEN)
        return self.filter(is_free(now), is_due, is_wanted)

    def for_host(self, host: str) -> Storefront | None:
        """The connected storefront of a page's host, as ``request.get_host()`` gives it.

        A domain stands for its subdomains too, which share its script; the longest one counts. A
        port counts where the domain was written with one. One query per process and
        ``CONNECTIONS_TTL``, its connection included. Do not change or save what this returns.
        """
        asked = host.strip().lower().rstrip(".")
        if not asked:
            return None
        fitting = [one for one in self.kept() if is_host_of(asked, one.domain)]
        return max(fitting, key=lambda one: len(one.domain), default=None)

    def kept(self) -> tuple[Storefront, ...]:
        """All connected storefronts, as this process knows them."""
        return _known.read(self.db)

    def forget(self) -> None:
        """Read them again at the next page."""
        _known.forget()


class Storefront(Leased):
    """One public domain of the shop under a connection. An organisation has one at most, so a
    second domain of the shop is a second connection."""

    connection = models.OneToOneField(
        Connection, models.CASCADE, verbose_name=_("connection"), related_name="storefront"
    )
    domain = models.CharField(
        _("domain"),
        max_length=200,
        help_text=_("Host of the shop without https://, such as shop.example."),
    )
    site_id = models.CharField(
        _("siteId"),
        max_length=50,
        blank=True,
        default="",
        help_text=_(
            "Read from eSputnik where it tells it. Otherwise it stands in the account, under "
            "Settings → Web tracking."
        ),
    )
    is_tracking = models.BooleanField(
        _("track visitors"),
        default=True,
        help_text=_("Off: no page of the shop carries eSputnik's script, and no visit is told."),
    )
    is_push = models.BooleanField(
        _("web push"), default=False, help_text=_("Needs a shop with https.")
    )
    is_inbox = models.BooleanField(
        _("app inbox"),
        default=False,
        help_text=_("Messages inside of the shop's pages, for customers who are logged in."),
    )
    loads_before_consent = models.BooleanField(
        _("load the script before a visitor agreed"),
        default=False,
        help_text=_("Matters where the setting CONSENT names who agreed to what."),
    )
    forms = models.CharField(
        _("forms"), max_length=10, choices=FormsChoice.choices, default=FormsChoice.BOTH
    )
    routes = models.JSONField(_("routes"), default=dict, blank=True)
    script = models.TextField(_("site script"), blank=True, default="", editable=False)
    script_changed_at = models.DateTimeField(_("script changed"), null=True, editable=False)
    push_domain = models.CharField(
        _("registered for web push"), max_length=220, blank=True, default="", editable=False
    )
    push_worker_name = models.CharField(
        _("file of the service worker"), max_length=100, default=PUSH_NAME
    )
    push_worker_path = models.CharField(
        _("folder of the service worker"), max_length=200, default=PUSH_PATH
    )
    push_scope = models.CharField(
        _("scope of the service worker"), max_length=200, default=PUSH_PATH
    )
    push_script = models.TextField(_("web push script"), blank=True, default="", editable=False)
    push_worker = models.TextField(_("service worker"), blank=True, default="", editable=False)
    push_changed_at = models.DateTimeField(_("web push changed"), null=True, editable=False)
    # Addresses at which browsers hold a worker of ours that is to unregister itself.
    retired_workers = models.JSONField(default=list, editable=False)
    # Service workers of others that the last look found, as operations.storefront.rivals has them.
    rivals = models.JSONField(default=list, editable=False)
    # Names of other providers beside which the merchant wants ours to stay.
    accepted_rivals = models.JSONField(default=list, editable=False)
    refreshed_at = models.DateTimeField(_("last refreshed"), null=True, editable=False)
    due_at = models.DateTimeField(_("next refresh"), default=timezone.now, editable=False)
    disconnected_at = models.DateTimeField(_("disconnected"), null=True, editable=False)
    created_at = models.DateTimeField(_("created"), default=timezone.now, editable=False)

    objects: ClassVar = StorefrontQuerySet.as_manager()

    class Meta:
        verbose_name = _("storefront")
        verbose_name_plural = _("storefronts")
        ordering = ["domain"]
        constraints = [
            models.UniqueConstraint(
                fields=["domain"],
                condition=Q(disconnected_at=None),
                name="esputnik_storefront_once",
                violation_error_message=_("Another connection has this domain already."),
            )
        ]

    def __str__(self) -> str:
        return self.domain

    def __repr__(self) -> str:
        return f"Storefront(domain={self.domain!r})"

    def route_of(self, behaviour_type: BehaviourType) -> Route:
        """How behaviour of this type travels.

        What a merchant chose and is no longer possible counts as not chosen. Where the storefront
        tracks nothing, all is ``OFF`` but the cart, of which the connection's own switch decides:
        its events need nothing of the site.
        """
        if not (self.is_connected and self.is_tracking):
            return Route.EVENT if behaviour_type is BehaviourType.STATUS_CART else Route.OFF
        written = self.routes.get(behaviour_type.value)
        allowed = {route.value: route for route in ALLOWED_ROUTES[behaviour_type]}
        return allowed.get(written, DEFAULT_ROUTES[behaviour_type])

    @property
    def is_connected(self) -> bool:
        """Is it the merchant's wish that visitors meet it?"""
        return self.disconnected_at is None

    @property
    def page_script(self) -> str:
        """What a page carries for tracking, as eSputnik gave it; ``""`` for nothing.

        It brings eSputnik's widgets along. Where the merchant wants the shop's forms only, it is
        left out unless something else needs it.
        """
        is_wanted = self.is_connected and self.is_tracking
        is_needed = self.forms != FormsChoice.SHOP or self.is_inbox or self._tells_by(Route.BROWSER)
        return self.script if is_wanted and is_needed else ""

    @property
    def has_unwanted_widgets(self) -> bool:
        """Do pages carry a script whose widgets the merchant does not want? Nothing in it switches
        them off: that is done in the account."""
        return self.forms == FormsChoice.SHOP and bool(self.page_script)

    @property
    def lacks_site_id(self) -> bool:
        """Is the tracker to be told, which takes nothing without it?"""
        return not self.site_id and self._tells_by(Route.TRACKER)

    def _tells_by(self, route: Route) -> bool:
        return any(self.route_of(each) is route for each in BehaviourType)

    @property
    def page_push_script(self) -> str:
        """What a page carries for web push, as eSputnik gave it; ``""`` for nothing. Whether that
        is an element or the bare script is not documented."""
        found = self.push_script if self.is_connected and self.is_push else ""
        return f"<script>{found}</script>" if found and "<script" not in found.lower() else found

    @property
    def push_address(self) -> str:
        """Path of the service worker on the domain, with its file name."""
        return f"{self.push_worker_path}{self.push_worker_name}"


class StorefrontStep(ConnectorModel):
    """One step of the set-up: how far it is, what went wrong, and when it was last tried."""

    storefront = models.ForeignKey(
        Storefront, models.CASCADE, verbose_name=_("storefront"), related_name="steps"
    )
    name = models.CharField(_("step"), max_length=20, choices=StepName.choices)
    state = models.CharField(
        _("state"), max_length=10, choices=StepState.choices, default=StepState.WAITING
    )
    code = models.CharField(max_length=40, blank=True, default="")
    detail = ExplanationField(_("detail"), blank=True, default="")
    tried_at = models.DateTimeField(_("last tried"), null=True)
    done_at = models.DateTimeField(_("done"), null=True)

    objects: ClassVar = ConnectorManager()

    class Meta:
        verbose_name = _("step of a storefront")
        verbose_name_plural = _("steps of storefronts")
        constraints = [
            models.UniqueConstraint(fields=["storefront", "name"], name="esputnik_storefront_step")
        ]

    def __str__(self) -> str:
        return f"{self.storefront} {self.name}"


class _Known:
    """What this process read of the connected storefronts, by database."""

    def __init__(self) -> None:
        self._found: dict[str, tuple[float, tuple[Storefront, ...]]] = {}

    def read(self, alias: str) -> tuple[Storefront, ...]:
        now = time.monotonic()
        until, found = self._found.get(alias, (now, ()))
        if now >= until:
            with transaction.atomic(using=alias):  # a failure must not break the page's own
                rows = Storefront.objects.using(alias).connected()
                found = tuple(rows.select_related("connection"))
            self._found[alias] = (now + conf.CONNECTIONS_TTL, found)
        return found

    def forget(self, **_: object) -> None:
        self._found = {}


def is_host_of(host: str, domain: str) -> bool:
    """Is ``host``, with its port, the domain or a subdomain of it?"""
    if ":" not in domain:
        host = host.partition(":")[0]
    return host == domain or host.endswith(f".{domain}")


_known = _Known()
for _sender in (Storefront, Connection):
    for _signal in (post_save, post_delete):
        _signal.connect(_known.forget, sender=_sender, dispatch_uid="esputnik_connector.storefront")
