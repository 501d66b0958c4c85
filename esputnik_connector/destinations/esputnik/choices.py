"""What eSputnik lets a merchant choose."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from esputnik_connector.destinations.base import ConsentPolicy, EraseMode, OrderRoute, Status
from esputnik_connector.destinations.choices import CONFIRMED, UNCONFIRMED, WITHHOLD

ORDERS, EVENTS, PAST_EVENTS = "orders", "events", "past_events"  # routes, as connections store them
DEACTIVATE = "deactivate"

CURRENCIES = frozenset({"USD", "EUR", "UAH"})  # documented (esputnik-api.md#currencies)

# eSputnik takes no others (esputnik-api.md#order-status).
STATUSES = (
    Status(value="INITIALIZED", label=_("INITIALIZED – received")),
    Status(value="IN_PROGRESS", label=_("IN_PROGRESS – being worked on")),
    Status(value="DELIVERED", label=_("DELIVERED – counts as revenue")),
    Status(value="CANCELLED", label=_("CANCELLED")),
    Status(value="ABANDONED_SHOPPING_CART", label=_("ABANDONED_SHOPPING_CART")),
)

CANCELLED_HINTS = (
    *("cancel", "refund", "return", "fail", "declin", "reject", "void"),
    *("скасов", "відмін", "повер", "відмов"),
)
IN_PROGRESS_HINTS = (
    *("process", "progress", "paid", "ship", "dispatch", "sent", "pack", "hold", "confirm"),
    *("оброб", "оплач", "відправ", "підтвердж", "комплект"),
)
DELIVERED_HINTS = ("complete", "deliver", "done", "finish", "викон", "доставл", "заверш")
INITIALIZED_HINTS = ("pending", "new", "init", "open", "created", "нов", "очіку")

# What goes back or never happened first: "Not delivered: returned" is no delivery.
STATUS_HINTS = (
    ("CANCELLED", CANCELLED_HINTS),
    ("IN_PROGRESS", IN_PROGRESS_HINTS),
    ("DELIVERED", DELIVERED_HINTS),
    ("INITIALIZED", INITIALIZED_HINTS),
)

ORDER_ROUTES = (
    OrderRoute(
        value=ORDERS,
        label=_("Add orders (starts an order<STATUS> event for each)"),
        event="order%s",
    ),
    OrderRoute(value=EVENTS, label=_("Generate event v3 (orderCreated, orderUpdated, …)")),
)

# Each POST /v1/orders raises order<STATUS>, however old (esputnik-api.md#orders-raise-events); past
# events raise nothing, as far as it is documented (esputnik-api.md#past-events).
HISTORY_ROUTES = (
    OrderRoute(
        value=PAST_EVENTS,
        label=_("Quiet: dated events of the past"),
        help=_(
            "eSputnik gets dated events of the past and makes orders of them. As far as it is "
            "documented, no workflow starts: try a single day first. Before that, switch the "
            "segmentation of orderCreated and orderUpdated on in eSputnik, or no order appears "
            "there."
        ),
        is_quiet=True,
    ),
    OrderRoute(
        value=ORDERS,
        label=_("Loud: real orders, each starts an event"),
        help=_(
            "eSputnik gets the orders themselves, and each of them raises an event order<STATUS>, "
            "however old it is. A workflow that waits for such an event starts for every old "
            "order: switch those workflows off first, or customers get messages about orders of "
            "years ago."
        ),
    ),
)

ERASE_MODES = (
    EraseMode(value="erase", label=_("Erase all data (GDPR); orders become anonymous")),
    EraseMode(
        value=DEACTIVATE,
        label=_("Mark as deleted; can be restored in eSputnik"),
        is_erasure=False,
    ),
)

# Every ordinary call makes an address mailable (esputnik-api.md#mailable).
CONSENT_POLICIES = (
    ConsentPolicy(
        value=UNCONFIRMED,
        label=_("Send them unconfirmed: no e-mail campaign reaches them until they confirm"),
        help=_(
            "Whoever is new in eSputnik is first stored there as an unconfirmed address, which "
            "takes a request for each person. E-mail campaigns leave them out; messages of "
            "workflows (an abandoned cart, an order status) still reach them. A phone has no such "
            "state in eSputnik: leave these people out of SMS and Viber campaigns there."
        ),
        forecast=_(
            "People who have not said yes to messages become unconfirmed addresses in eSputnik, "
            "and no e-mail campaign reaches them until they confirm: %(count)s."
        ),
    ),
    ConsentPolicy(
        value=WITHHOLD,
        label=_("Do not send them: no profile, no orders, no carts"),
        help=_(
            "Nothing about a person without a yes leaves the shop. Their orders are missing from "
            "the reports in eSputnik until they say yes."
        ),
        forecast=_("People who have not said yes to messages stay in the shop: %(count)s."),
    ),
    ConsentPolicy(
        value=CONFIRMED,
        label=_("Send them as confirmed: campaigns may reach them"),
        help=_(
            "eSputnik's own way: every address that arrives counts as confirmed, and a campaign to "
            "everybody reaches people who never asked for it. Choose it only if you may write to "
            "all of your customers."
        ),
        forecast=_(
            "People who have not said yes to messages become confirmed addresses in eSputnik, and "
            "the next campaign may reach them: %(count)s."
        ),
        is_mailing=True,
    ),
)
