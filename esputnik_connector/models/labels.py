"""The enums of :mod:`esputnik_connector.records` as the merchant and support read them."""

from __future__ import annotations

from enum import Enum
from typing import TYPE_CHECKING, TypeVar

from django.utils.translation import gettext_lazy as _

from esputnik_connector.records import Kind, Note, Outcome, Reason

if TYPE_CHECKING:
    from django.utils.functional import _StrPromise as Lazy

KINDS: dict[Kind, Lazy] = {
    Kind.CONTACT: _("contact"),
    Kind.ORDER: _("order"),
    Kind.CART: _("cart"),
    Kind.EVENT: _("event"),
    Kind.SUBSCRIPTION: _("subscription"),
    Kind.ERASURE: _("deletion of a customer"),
    Kind.BEHAVIOUR: _("behaviour"),
}

OUTCOMES: dict[Outcome, Lazy] = {
    Outcome.DELIVERED: _("delivered"),
    Outcome.ACCEPTED: _("accepted; eSputnik is still working on the upload"),
    Outcome.DEFERRED: _("will be tried again"),
    Outcome.REJECTED: _("refused"),
    Outcome.SKIPPED: _("skipped"),
}

REASONS: dict[Reason, Lazy] = {
    Reason.UNCHANGED: _("unchanged since the last delivery"),
    Reason.GONE: _("no longer in the shop"),
    Reason.NO_CONTACT_DATA: _("neither e-mail nor phone"),
    Reason.ANONYMOUS: _("the customer of this cart is not known yet"),
    Reason.NEVER_SENT: _("empty, and it was never sent"),
    Reason.NOT_LIVE: _("saved for later by the shopper"),
    Reason.STATUS_NOT_SENT: _("this order status is mapped to “do not send”"),
    Reason.SYNC_OFF: _("switched off in the connection"),
    Reason.NO_CONSENT: _("the person has not said yes to messages"),
    Reason.ERASED: _("the person was deleted in the shop"),
    Reason.VETOED: _("held back by the shop's own code"),
    Reason.NOT_WANTED: _("the customer no longer asks for it"),
    Reason.SOLD_OUT: _("sold out again before it could be sent"),
    Reason.NOT_CHEAPER: _("the price rose again before it could be sent"),
    Reason.TOO_LATE: _("it happened too long ago to be sent"),
    Reason.NOT_SUPPORTED: _("the destination takes no records of this kind"),
    Reason.REFUSED: _("the destination refused it"),
    Reason.KEY_REFUSED: _("the API key was refused"),
    Reason.UNBUILDABLE: _("the shop's data could not be read"),
    Reason.TOO_LARGE: _("too large to be sent"),
    Reason.UNREACHABLE: _("the destination could not be reached"),
    Reason.BUSY: _("the destination asked to wait"),
    Reason.REFUSED_AMONG: _("some of several were refused, and it was not said which"),
    Reason.UPLOADING: _("accepted, and the upload is still worked on"),
    Reason.UPLOAD_FAILED: _("the upload failed"),
    Reason.ALREADY_ACCEPTED: _("the same request was accepted a moment ago"),
    Reason.NOT_RECORDED: _("the answer could not be written down; the log says why"),
    Reason.NO_IDENTIFIER: _("no id, e-mail or phone of this person can stand in an event"),
    Reason.SWITCHED_OFF: _("a switch at the destination is off; the detail says which"),
    Reason.STILL_THERE: _("the destination still shows the person after the deletion"),
    Reason.LEFT_OUT: _("left out by a person; the detail says why"),
    Reason.ORDER_DELETION: _("waits while orders are deleted; the detail says why"),
    Reason.NO_PRICE: _("the product has no price"),
    Reason.NO_SITE: _("the site is not registered: its siteId is missing"),
    Reason.NO_VISITOR: _("nothing tells this visitor from others: no cookie, or no browser"),
    Reason.BY_BROWSER: _("the visitor's own browser tells of it"),
    Reason.ROBOT: _("a robot opened the page, no visitor"),
    Reason.ORDERED: _("the cart became an order, which tells of itself"),
    Reason.CROWDED_OUT: _("too much behaviour was waiting already"),
    Reason.UNCONFIRMED: _(
        "the answer does not say whether it arrived; the detail says where to look"
    ),
}

NOTES: dict[Note, Lazy] = {
    Note.PHONE_DROPPED: _("The phone is not a valid number and was left out."),
    Note.EMAIL_DROPPED: _("The e-mail is not a valid address and was left out."),
    Note.TEXT_CUT: _("A text was longer than 255 characters and was cut."),
    Note.CURRENCY_UNUSUAL: _("This currency is not documented there; it was sent as it is."),
    Note.STATUS_UNMAPPED: _("This order status is not mapped; the default was sent."),
    Note.ITEM_DROPPED: _("A line without a positive quantity or a price was left out."),
    Note.TOTAL_DIFFERS: _("The lines and the shipping do not add up to the shop's total."),
    Note.DETAILS_DROPPED: _("Optional product details were left out."),
    Note.ITEM_INCOMPLETE: _(
        "A line whose product has no category, link or picture was left out of the event."
    ),
    Note.NAME_MENDED: _("A name had signs that are not taken there; it was cleaned or left out."),
    Note.FIELD_CUT: _("A value was longer than its additional field, and was cut."),
    Note.FIELD_DROPPED: _("A value does not fit its additional field and was left out."),
    Note.DELETION_QUEUED: _(
        "The deletion of the order was accepted; when it is done, the destination does not tell."
    ),
}


Member = TypeVar("Member", bound=Enum)


def choices(labels: dict[Member, Lazy]) -> list[tuple[str, Lazy]]:
    """Labelled members of an enum as Django choices."""
    return [(member.value, label) for member, label in labels.items()]
