"""What a destination lets a merchant choose, as rows that the admin and the commands show.

``value`` is what a row is stored and told under, and may never change; its length is the column's.
The texts are for people, and translatable.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from typing import TypeAlias

    from django.utils.functional import _StrPromise

    Text: TypeAlias = str | _StrPromise

DO_NOT_SEND = "DO_NOT_SEND"  # stored beside the destination's own statuses, and never sent


@dataclass(frozen=True, kw_only=True, slots=True)
class Status:
    """An order status as the platform spells it.

    :param value: up to 30 characters; goes over the wire.
    """

    value: str
    label: Text


@dataclass(frozen=True, kw_only=True, slots=True)
class OrderRoute:
    """A way for orders to travel.

    :param value: up to 10 characters for live orders, up to 12 for history.
    :param help: what it sets off at the platform, and what to switch there before.
    :param is_quiet: it starts no workflow there; a loud one is shown as a warning.
    :param event: name of the workflow event that each order starts, with ``%s`` for its status;
        ``""`` where it is not one per status.
    """

    value: str
    label: Text
    help: Text = ""
    is_quiet: bool = False
    event: str = ""


CONFIRMED, UNCONFIRMED, WITHHOLD = "confirmed", "unconfirmed", "withhold"  # as stored


@dataclass(frozen=True, kw_only=True, slots=True)
class ConsentPolicy:
    """What happens to people who have not said yes to messages.

    :param value: :data:`CONFIRMED` (they are sent as everybody else), :data:`UNCONFIRMED` (whoever
        is new there is introduced first, by :attr:`Envelope.introduces
        <esputnik_connector.destinations.values.Envelope>`) or :data:`WITHHOLD` (they stay here).
    :param help: what it means for these people, in plain words.
    :param forecast: the same of an import, with ``%(count)s`` people: one sentence.
    :param is_mailing: they can be written to afterwards; shown as a warning.
    """

    value: str
    label: Text
    help: Text = ""
    forecast: Text = ""
    is_mailing: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class EraseMode:
    """What is done at the platform when the shop deletes a customer.

    :param value: up to 10 characters.
    :param is_erasure: the person's data is gone for good, so that even a later guest order of
        theirs stays here; False when the person is only marked as deleted.
    """

    value: str
    label: Text
    is_erasure: bool = True
