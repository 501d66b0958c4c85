"""What a refusal means, and what a person does about it: a row per reason and per word that the
destination uses. The first that fits counts."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from django.utils.translation import gettext_lazy as _

from esputnik_connector.records import Reason

if TYPE_CHECKING:
    from django.utils.functional import _StrPromise as Lazy


@dataclass(frozen=True, kw_only=True)
class Remedy:
    """``place``: “statuses”, “fields” or “settings” where that page of the connector helps, “shop”
    where the shop's does."""

    meaning: Lazy
    action: Lazy
    place: str = ""


@dataclass(frozen=True, kw_only=True)
class Row:
    """Which refusals."""

    reason: Reason
    words: str  # a pattern; "" for any
    remedy: Remedy


TRY_AGAIN = _("Nothing has to be repaired: press “Try again”.")

ROWS = (
    Row(
        reason=Reason.REFUSED,
        words=r"status",
        remedy=Remedy(
            meaning=_("eSputnik does not know the status of these orders."),
            action=_("Map the shop's status to one of eSputnik's, then press “Try again”."),
            place="statuses",
        ),
    ),
    Row(
        reason=Reason.REFUSED,
        words=r"\bfield|additional|attribute",
        remedy=Remedy(
            meaning=_("A value does not fit a field of the account, or the field is gone."),
            action=_("Correct the mapping of fields, then press “Try again”."),
            place="fields",
        ),
    ),
    Row(
        reason=Reason.REFUSED,
        words=r"e-?mail|phone|sms|channel|contact data",
        remedy=Remedy(
            meaning=_("eSputnik does not take the e-mail or the phone of these people."),
            action=_("Correct it in the shop: the record is then sent by itself."),
            place="shop",
        ),
    ),
    Row(
        reason=Reason.REFUSED,
        words="",
        remedy=Remedy(
            meaning=_("eSputnik looked at these records and did not take them."),
            action=_(
                "Its words say why. Correct the data in the shop or the mapping, then press “Try "
                "again”."
            ),
            place="shop",
        ),
    ),
    Row(
        reason=Reason.UNBUILDABLE,
        words="",
        remedy=Remedy(
            meaning=_("The shop's own data or code gave something that cannot be sent."),
            action=_("Show these words to the developer of the shop, then press “Try again”."),
        ),
    ),
    Row(
        reason=Reason.TOO_LARGE,
        words="",
        remedy=Remedy(
            meaning=_("The record is larger than eSputnik takes."),
            action=_("Skip it, unless its texts can be made shorter in the shop."),
        ),
    ),
    Row(
        reason=Reason.NOT_RECORDED,
        words="",
        remedy=Remedy(
            meaning=_("It was sent, but the answer could not be written down."),
            action=_("Show the log of the worker to the developer, then press “Try again”."),
        ),
    ),
    Row(
        reason=Reason.KEY_REFUSED,
        words="",
        remedy=Remedy(
            meaning=_("eSputnik refused the key."),
            action=_("Paste a working key into the connection, then press “Try again”."),
            place="settings",
        ),
    ),
    Row(
        reason=Reason.SWITCHED_OFF,
        words="",
        remedy=Remedy(
            meaning=_("Something is switched off in the eSputnik account."),
            action=_("Switch on what these words name, then press “Try again”."),
        ),
    ),
    Row(
        reason=Reason.UNCONFIRMED,
        words="",
        remedy=Remedy(
            meaning=_("The answer of eSputnik did not say whether these records arrived."),
            action=_("Look there for one of them. If it is missing, press “Try again”."),
        ),
    ),
    Row(
        reason=Reason.STILL_THERE,
        words="",
        remedy=Remedy(
            meaning=_("eSputnik still shows the person after the deletion."),
            action=_("Press “Try again”; if it stays, delete the contact in eSputnik by hand."),
        ),
    ),
)

LASTED = Remedy(
    meaning=_("For 72 hours eSputnik could not be reached, or asked to wait."), action=TRY_AGAIN
)
UNKNOWN = Remedy(
    meaning=_("These records were tried again and again, and given up."), action=TRY_AGAIN
)
OF_THE_WAY = frozenset(
    {
        Reason.UNREACHABLE.value,
        Reason.BUSY.value,
        Reason.UPLOAD_FAILED.value,
        Reason.REFUSED_AMONG.value,
        Reason.ALREADY_ACCEPTED.value,
    }
)


def remedy_of(reason: str, words: str) -> Remedy:
    """What to say to the merchant."""
    for row in ROWS:
        if row.reason.value == reason and re.search(row.words, words, re.IGNORECASE):
            return row.remedy
    return LASTED if reason in OF_THE_WAY else UNKNOWN
