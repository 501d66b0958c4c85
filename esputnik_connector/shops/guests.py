"""What a shop can tell of people who bought without an account."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass

from django.utils.translation import gettext_lazy as _

from .capabilities import Capability


@dataclass(frozen=True, kw_only=True)
class GuestTraces:
    """What a shop knows of a guest. Nothing of an account with the same e-mail is among it."""

    contacts: tuple[str, ...] = ()  # keys under which ``contacts`` may give this guest
    orders: tuple[str, ...] = ()  # keys
    locators: tuple[str, ...] = ()  # e-mails and E.164 phones of these orders


class SupportsGuests(Capability):
    """Finding a guest by e-mail, so that support can have one erased."""

    missing = _(
        "The adapter of this shop does not find guests by e-mail (SupportsGuests): of one who is "
        "erased only what was delivered is known, not the phones and numbers of other orders."
    )

    @abstractmethod
    def guest_traces(self, email: str) -> GuestTraces:
        """Of the orders without an account that have this e-mail, which is in canonical form."""
