"""What a refusal means, and what a person does about it: a row per reason and per word that the
destination uses. The first that fits counts."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from django.utils.translation import gettext_lazy as _

from esputnik_connector import registry
from esputnik_connector.models import Connection
from esputnik_connector.records import Reason

if TYPE_CHECKING:
    from django.utils.functional import _StrPromise as Lazy


@dataclass(frozen=True, kw_only=True)
class Remedy:
    """Of refusals for this reason, with these words. ``place``: “statuses”, “fields” or “settings”
    where that page of the connector helps, “shop” where the shop's does. :meth:`for_people` gives
    the texts their destination."""

    meaning: Lazy
    action: Lazy
    place: str = ""
    reason: Reason | None = None
    words: str = ""  # a pattern; "" for any

    def for_people(self, connection: Connection) -> tuple[str, str]:
        """Meaning and action, of refusals at this account."""
        told = {"destination": registry.destination_label(connection.destination)}
        return str(self.meaning) % told, str(self.action) % told


TRY_AGAIN = _("Nothing has to be repaired: press “Try again”.")

REMEDIES = (
    Remedy(
        reason=Reason.REFUSED,
        words=r"status",
        meaning=_("%(destination)s does not know the status of these orders."),
        action=_("Map the shop's status to one of %(destination)s's, then press “Try again”."),
        place="statuses",
    ),
    Remedy(
        reason=Reason.REFUSED,
        words=r"\bfield|additional|attribute",
        meaning=_("A value does not fit a field of the account, or the field is gone."),
        action=_("Correct the mapping of fields, then press “Try again”."),
        place="fields",
    ),
    Remedy(
        reason=Reason.REFUSED,
        words=r"e-?mail|phone|sms|channel|contact data",
        meaning=_("%(destination)s does not take the e-mail or the phone of these people."),
        action=_("Correct it in the shop: the record is then sent by itself."),
        place="shop",
    ),
    Remedy(
        reason=Reason.REFUSED,
        meaning=_("%(destination)s looked at these records and did not take them."),
        action=_(
            "Its words say why. Correct the data in the shop or the mapping, then press “Try "
            "again”."
        ),
        place="shop",
    ),
    Remedy(
        reason=Reason.UNBUILDABLE,
        meaning=_("The shop's own data or code gave something that cannot be sent."),
        action=_("Show these words to the developer of the shop, then press “Try again”."),
    ),
    Remedy(
        reason=Reason.TOO_LARGE,
        meaning=_("The record is larger than %(destination)s takes."),
        action=_("Skip it, unless its texts can be made shorter in the shop."),
    ),
    Remedy(
        reason=Reason.NOT_RECORDED,
        meaning=_("It was sent, but the answer could not be written down."),
        action=_("Show the log of the worker to the developer, then press “Try again”."),
    ),
    Remedy(
        reason=Reason.KEY_REFUSED,
        meaning=_("%(destination)s refused the key."),
        action=_("Paste a working key into the connection, then press “Try again”."),
        place="settings",
    ),
    Remedy(
        reason=Reason.SWITCHED_OFF,
        meaning=_("Something is switched off in the %(destination)s account."),
        action=_("Switch on what these words name, then press “Try again”."),
    ),
    Remedy(
        reason=Reason.UNCONFIRMED,
        meaning=_("The answer of %(destination)s did not say whether these records arrived."),
        action=_("Look there for one of them. If it is missing, press “Try again”."),
    ),
    Remedy(
        reason=Reason.STILL_THERE,
        meaning=_("%(destination)s still shows the person after the deletion."),
        action=_("Press “Try again”; if it stays, delete the contact in %(destination)s by hand."),
    ),
)

LASTED = Remedy(
    meaning=_("For 72 hours %(destination)s could not be reached, or asked to wait."),
    action=TRY_AGAIN,
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
    for one in REMEDIES:
        if one.reason == reason and re.search(one.words, words, re.IGNORECASE):
            return one
    return LASTED if reason in OF_THE_WAY else UNKNOWN
