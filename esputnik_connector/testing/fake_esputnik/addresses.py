"""Who is mailable: the state of each e-mail address, whichever contact holds it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal, cast, get_args

State = Literal["confirmed", "unconfirmed", "unsubscribed", "complained", "blacklisted"]
# What POST /v1/contact/subscribe says of an address. Of one that was unsubscribed or complained
# nothing is documented.
SUBSCRIBE_STATUS = {"confirmed": "ALREADY_SUBSCRIBED", "blacklisted": "BLACKLISTED"}
WAITING = "NEED_CONFIRMATION"


class Addresses:
    """E-mail addresses, in small letters. One without a contact may have a state as well."""

    def __init__(self) -> None:
        self.states: dict[str, State] = {}

    def stored(self, email: str, *, is_confirmed: bool, update_confirms: bool) -> None:
        """A contact came to hold the address. What is known of it stays.

        :param is_confirmed: the call creates mailable addresses, as all but subscribe do.
        """
        known = self.states.get(email.lower())
        if known is None:
            self.states[email.lower()] = "confirmed" if is_confirmed else "unconfirmed"
        elif known == "unconfirmed" and is_confirmed and update_confirms:
            self.states[email.lower()] = "confirmed"

    def put(self, email: str, state: str) -> None:
        """The recipient, an operator or a workflow decides.

        :raises ValueError: there is no such state.
        """
        if state not in get_args(State):
            raise ValueError(f"No such state {state!r}. Known: {', '.join(get_args(State))}.")
        self.states[email.lower()] = cast("State", state)

    def unsubscribe(self, emails: Iterable[str]) -> None:
        """Also an address that no contact holds."""
        for email in emails:
            self.put(email, "unsubscribed")

    def resubscribe(self, emails: Iterable[str]) -> None:
        """Of the unsubscribed only; a complaint and the black list stay."""
        for email in emails:
            if self.states.get(email.lower()) == "unsubscribed":
                self.put(email, "confirmed")

    def subscribe_status(self, email: str) -> str:
        return SUBSCRIBE_STATUS.get(self.states.get(email.lower(), ""), WAITING)

    def forget(self, email: str) -> None:
        """The person is erased; that somebody wants no mail is remembered."""
        if self.states.get(email.lower()) in ("confirmed", "unconfirmed"):
            del self.states[email.lower()]

    def is_mailable(self, email: str) -> bool:
        return self.states.get(email.lower()) == "confirmed"
