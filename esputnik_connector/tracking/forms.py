"""The shop's own subscription forms: what somebody asked for is written into the outbox.

The page of a form may be cached and shown to everybody, so that all it carries is what the shop
chose for the form, signed: visitors cannot subscribe themselves to another segment.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Sequence
from dataclasses import astuple, dataclass
from logging import getLogger
from uuid import uuid4

from django.core.signing import BadSignature, Signer
from django.db import DatabaseError
from django.utils.translation import gettext as _

from esputnik_connector import identity, registry
from esputnik_connector.exceptions import BadRequestError, ConfigurationError
from esputnik_connector.models import Connection, Storefront
from esputnik_connector.models.storefront import FormsChoice
from esputnik_connector.pipeline.capture import capture
from esputnik_connector.records import Kind, Subscription

logger = getLogger(__name__)

# A suffix of the events that a form raises, and the beginning of an outbox row's key.
FORM_TYPE = re.compile(r"[A-Za-z0-9_-]{1,40}")
USUAL_TYPE = "site"
MOST_NAMES = 20  # segments, or categories, of one form
LONGEST_NAME = 100  # characters
SIGNER = Signer(salt="esputnik_connector.subscription_form")  # without a time: pages are cached


@dataclass(frozen=True, kw_only=True, slots=True)
class SubscriptionForm:
    """What the shop chose for one of its forms.

    :param form_type: tells the forms of a shop apart; eSputnik names its events by it.
    :param groups: segments of the account, by name. :param categories: by key.
    """

    form_type: str = USUAL_TYPE
    groups: tuple[str, ...] = ()
    categories: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        """:raises BadRequestError: a name that eSputnik does not take."""
        if not FORM_TYPE.fullmatch(self.form_type):
            text = _("A form type has 1 to 40 of the signs a-z, A-Z, 0-9, _ and -, not %(given)r.")
            raise BadRequestError(text % {"given": self.form_type})
        for names in (self.groups, self.categories):
            if len(names) > MOST_NAMES or not all(map(_is_name, names)):
                text = _("A form has at most %(most)d names of up to %(longest)d signs each.")
                raise BadRequestError(text % {"most": MOST_NAMES, "longest": LONGEST_NAME})

    @classmethod
    def of(
        cls, form_type: str, groups: str | Iterable[str], categories: str | Iterable[str]
    ) -> SubscriptionForm:
        """:param groups, categories: names, or one text of them with commas between.
        :raises BadRequestError: a name that eSputnik does not take.
        """
        return cls(
            form_type=form_type or USUAL_TYPE, groups=_names(groups), categories=_names(categories)
        )

    def signed(self) -> str:
        """The form as its page carries it."""
        return SIGNER.sign_object(astuple(self), compress=True)

    @classmethod
    def opened(cls, signed: str) -> SubscriptionForm:
        """:raises BadRequestError: this site did not sign it."""
        try:
            form_type, groups, categories = SIGNER.unsign_object(signed)
            return cls(form_type=form_type, groups=tuple(groups), categories=tuple(categories))
        except (BadSignature, TypeError, ValueError) as error:
            text = _("This form is not of this site any more. Load its page again.")
            raise BadRequestError(text) from error


def subscribe(
    form: SubscriptionForm,
    *,
    email: str = "",
    phone: str = "",
    first_name: str = "",
    last_name: str = "",
    language: str = "",
    contact_key: str = "",
    is_confirmed: bool = False,
    connections: Collection[int],
) -> bool:
    """Write a subscription down; a worker sends it. Speaks no HTTP.

    :param connections: primary keys of those whose accounts shall have it.
    :returns: False when it could not be written down; the log says why.
    :raises BadRequestError: there is no address in it that could be written to.
    """
    locators = identity.email(email), identity.phone(phone)
    if not any(locators):
        raise BadRequestError(_("This is no e-mail address, and no phone number either."))
    subscription = Subscription(
        key=f"{form.form_type}:{uuid4()}",
        email=locators[0],
        phone=locators[1],
        contact_key=contact_key,
        first_name=identity.text(first_name),
        last_name=identity.text(last_name),
        language=identity.language(language),
        form_type=form.form_type,
        groups=form.groups,
        categories=form.categories,
        is_confirmed=is_confirmed,
    )
    if not connections:
        logger.error("subscription %s: no connection takes it", subscription.key)
        return False
    return capture.subscription_recorded(subscription, only=lambda one: one.pk in connections)


def takers(host: str = "") -> set[int]:
    """Connections whose accounts shall have what is asked for on pages of this host.

    That of its storefront; without one, those that belong to no host, or the only one there is.
    """
    storefront = Storefront.objects.for_host(host)
    if storefront is not None:
        return {storefront.connection_id}
    able = [one.pk for one in Connection.objects.capturing() if _takes_subscriptions(one)]
    elsewhere = {one.connection_id for one in Storefront.objects.kept()}
    free = {pk for pk in able if pk not in elsewhere}
    return free or (set(able) if len(able) == 1 else set())


def forms_of(host: str) -> FormsChoice:
    """Whose forms visitors of this host meet. No query in most cases, and never an error: a page
    of the shop asks."""
    try:
        storefront = Storefront.objects.for_host(host)
    except DatabaseError as error:
        logger.error("whose forms to show cannot be read (%s)", type(error).__name__)
        return FormsChoice.BOTH
    return FormsChoice(storefront.forms) if storefront else FormsChoice.BOTH


def _takes_subscriptions(connection: Connection) -> bool:
    try:
        return registry.destination_class(connection.destination).supports(Kind.SUBSCRIPTION)
    except ConfigurationError:  # gone from the settings: the checks say so
        return False


def _names(given: str | Iterable[str]) -> tuple[str, ...]:
    each: Sequence[str] = given.split(",") if isinstance(given, str) else [*given]
    return tuple(dict.fromkeys(name.strip() for name in each if name.strip()))


def _is_name(name: object) -> bool:
    return isinstance(name, str) and 0 < len(name) <= LONGEST_NAME and name.isprintable()
