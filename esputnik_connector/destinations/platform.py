"""What is known of a platform without an account: words, choices, addresses, capabilities."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

from django.core.checks import CheckMessage
from django.core.exceptions import ValidationError

from esputnik_connector.behaviour import Behaviour
from esputnik_connector.exceptions import Skip
from esputnik_connector.explanations import gettext as _
from esputnik_connector.records import AttributeValue, JSONValue, Kind, Reason

from .choices import ConsentPolicy, EraseMode, OrderRoute, Status
from .options import unknown_option, unusable_option
from .values import AccountField

if TYPE_CHECKING:
    from .choices import Text

LONGEST_REQUEST = 60.0  # seconds


class Platform:
    """A :class:`~.base.Destination` as the admin, the commands and the checks see its class.

    A subclass states what differs; what it leaves out, its platform does not have.
    """

    label: ClassVar[str] = ""
    """The platform's name as a person reads it, the same in every language: "eSputnik"."""

    batch_sizes: Mapping[Kind, int] = {}
    """How many records of a kind one ``deliver`` takes. A kind that is absent is not supported. An
    account may have other sizes than its class."""

    cautious_sizes: Mapping[Kind, int] = {}
    """How many records of a kind one ``deliver`` takes while it is unknown whether the account
    names those that it refuses (:attr:`Receipt.names_refusals`): for kinds of which each repetition
    starts something anew. A kind that is absent needs no such care."""

    statuses: ClassVar[Sequence[Status]] = ()
    """The order statuses that the platform knows. Empty: it takes any word."""

    status_hints: ClassVar[Sequence[tuple[str, tuple[str, ...]]]] = ()
    """Status → parts of a shop's own status, in lower case, that suggest it. The first that fits is
    proposed, so "not delivered" must be tried before "delivered"."""

    default_status: ClassVar[str | None] = None
    """What an order status without a mapping is sent as. ``None``: as the shop calls it."""

    currencies: ClassVar[Collection[str]] = ()
    """The currencies that the platform documents, by their three letters. Empty: it takes any."""

    order_routes: ClassVar[Sequence[OrderRoute]] = ()
    """Ways for orders to travel, the usual one first. Empty: there is one way, no choice."""

    history_routes: ClassVar[Sequence[OrderRoute]] = ()
    """Ways for the orders of a historical import, which must start no workflow unasked: the
    merchant chooses each time. Empty: there is one, it is quiet, and nothing is asked."""

    erase_modes: ClassVar[Sequence[EraseMode]] = ()
    """What can be done with a deleted customer, the usual one first. Empty: they are erased."""

    consent_policies: ClassVar[Sequence[ConsentPolicy]] = ()
    """What can be done with people who have not said yes. The merchant chooses before the first
    import; nothing is chosen in advance. Empty: what is sent makes no customer mailable, or the
    platform has no such notion, and nothing is asked."""

    default_api_url: ClassVar[str] = ""
    """Where the API is, for a connection that names no address. Empty: the merchant must."""

    default_tracker_url: ClassVar[str] = ""
    """Where web tracking is, for a connection that names no address."""

    field_id_help: ClassVar[Text] = ""
    """Where a merchant finds the id of an additional field."""

    key_help: ClassVar[Text] = ""
    """Where a merchant finds the API key."""

    option_names: ClassVar[Sequence[str]] = ()
    """What ``DESTINATIONS[…]["OPTIONS"]`` may hold."""

    supports_uploads: ClassVar[bool] = False
    """May it answer ACCEPTED, and be asked later by :meth:`resolve`?"""

    supports_order_deletion: ClassVar[bool] = False
    """Can it delete an order that the shop deleted? It is given as an
    :class:`~esputnik_connector.records.OrderDeletion` then, where the merchant wants that."""

    supports_look_up: ClassVar[bool] = False
    """Can it be asked what it holds of a contact, by :meth:`look_up`?"""

    supports_inbox: ClassVar[bool] = False
    """Does it show a customer their messages on the shop's own pages, by :meth:`inbox_token`?"""

    supports_feed_registration: ClassVar[bool] = False
    """Can it be told where the product feeds are, by :meth:`register_feeds`?"""

    supports_account_fields: ClassVar[bool] = False
    """Does it describe its additional fields, by :meth:`account_fields`?"""

    supports_workflows: ClassVar[bool] = False
    """Does it list its automations, by :meth:`workflows`?"""

    supports_storefront: ClassVar[bool] = False
    """Has an account a site: a domain, scripts for its pages, web push? By :meth:`site`."""

    @classmethod
    def supports(cls, kind: Kind) -> bool:
        """Can records of this kind be sent at all?"""
        return kind in cls.batch_sizes

    @classmethod
    def check(cls, options: Mapping[str, Any]) -> list[CheckMessage]:
        """What is wrong with ``OPTIONS``, for Django's system checks. Extend it to look at values.

        ``E010`` is an option that does not exist or cannot be used.
        """
        unknown = [name for name in options if name not in cls.option_names]
        return [unusable_option(unknown_option(name, cls.option_names)) for name in unknown]

    @classmethod
    def longest_request(cls, options: Mapping[str, Any]) -> float:
        """Seconds that one request may take with these options; a lane is leased for longer."""
        return LONGEST_REQUEST

    @classmethod
    def clean_field_id(cls, text: str) -> str:
        """The id of an additional field in its one form, as a person wrote it.

        :raises ValidationError: the platform has no such ids.
        """
        if cleaned := text.strip():
            return cleaned
        raise ValidationError(_("Write the id of the field."))

    @classmethod
    def check_mapped_field(cls, field_id: str, known: Mapping[str, AccountField]) -> None:
        """Can a contact attribute be sent to this additional field?

        :param known: the fields of the account, by id; empty when they were never read.
        :raises ValidationError: the account has no such field, or it is read-only.
        """
        if not known:
            return
        field = known.get(field_id)
        if field is None:
            raise ValidationError(
                _("The account has no field %(id)s. A new one may take an hour to appear.")
                % {"id": field_id}
            )
        if field.is_read_only:
            text = _("The field %(id)s (%(name)s) is read-only: only the account itself fills it.")
            raise ValidationError(text % {"id": field_id, "name": field.name or "–"})

    @classmethod
    def field_text(cls, value: AttributeValue, field: AccountField) -> str:
        """A contact attribute as it would be sent to this additional field; ``""``: it would be
        left out."""
        return "" if value is None else str(value)

    @classmethod
    def propose_status(cls, shop_status: str) -> str:
        """The status that a shop's own name suggests, ``""`` if it suggests none."""
        name = shop_status.casefold()
        for status, hints in cls.status_hints:
            if any(hint in name for hint in hints):
                return status
        return ""

    @classmethod
    def is_erasing(cls, mode: str) -> bool:
        """Is a deleted person erased for good in this mode, or only marked as deleted?

        :param mode: of :attr:`erase_modes`; ``""`` for the usual one.
        """
        fitting = (one.is_erasure for one in cls.erase_modes if mode in ("", one.value))
        return next(fitting, True)

    @staticmethod
    def browser_call(behaviour: Behaviour) -> list[JSONValue]:
        """With what a page of the shop calls the platform's script, to tell of this. Pure.

        :raises Skip: there is nothing to tell; NOT_SUPPORTED where the platform has no script.
        """
        raise Skip(Reason.NOT_SUPPORTED)
