"""The answer to “did it arrive, and why not?” in one or two sentences. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import TYPE_CHECKING

from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from esputnik_connector.models import OutboxMessage
from esputnik_connector.models.labels import REASONS
from esputnik_connector.models.timezones import local_time
from esputnik_connector.records import Kind, Reason

from .history import AccountHistory
from .timeline import Step, StepType

if TYPE_CHECKING:
    from django.utils.functional import _StrPromise as Lazy

# Whole sentences for each kind: in many languages the verb follows the gender of the noun.
ARRIVED: dict[Kind, Lazy] = {
    Kind.CONTACT: gettext_lazy("The customer %(name)s arrived on %(day)s at %(time)s."),
    Kind.ORDER: gettext_lazy("Order № %(name)s arrived on %(day)s at %(time)s."),
    Kind.CART: gettext_lazy("Cart № %(name)s arrived on %(day)s at %(time)s."),
    Kind.EVENT: gettext_lazy("The event %(name)s arrived on %(day)s at %(time)s."),
}
IMPORTED: dict[Kind, Lazy] = {
    Kind.CONTACT: gettext_lazy(
        "The customer %(name)s arrived by a historical import on %(day)s at %(time)s."
    ),
    Kind.ORDER: gettext_lazy(
        "Order № %(name)s arrived by a historical import on %(day)s at %(time)s."
    ),
    Kind.CART: ARRIVED[Kind.CART],
    Kind.EVENT: ARRIVED[Kind.EVENT],
}
UPLOADING: dict[Kind, Lazy] = {
    kind: gettext_lazy("%(name)s: accepted on %(day)s at %(time)s, and still being worked on.")
    for kind in Kind
}
REFUSED: dict[Kind, Lazy] = {
    Kind.CONTACT: gettext_lazy("The customer %(name)s was refused: %(why)s."),
    Kind.ORDER: gettext_lazy("Order № %(name)s was refused: %(why)s."),
    Kind.CART: gettext_lazy("Cart № %(name)s was refused: %(why)s."),
    Kind.EVENT: gettext_lazy("The event %(name)s was refused: %(why)s."),
}
IN_LINE: dict[Kind, Lazy] = {
    Kind.CONTACT: gettext_lazy("The customer %(name)s is in line and was not sent yet."),
    Kind.ORDER: gettext_lazy("Order № %(name)s is in line and was not sent yet."),
    Kind.CART: gettext_lazy("Cart № %(name)s is in line and was not sent yet."),
    Kind.EVENT: gettext_lazy("The event %(name)s is in line and was not sent yet."),
}
SKIPPED: dict[Kind, Lazy] = {
    Kind.CONTACT: gettext_lazy("The customer %(name)s was not sent: %(why)s."),
    Kind.ORDER: gettext_lazy("Order № %(name)s was not sent: %(why)s."),
    Kind.CART: gettext_lazy("Cart № %(name)s was not sent: %(why)s."),
    Kind.EVENT: gettext_lazy("The event %(name)s was not sent: %(why)s."),
}
NEVER: dict[Kind, Lazy] = {
    Kind.CONTACT: gettext_lazy("The customer %(name)s was never sent."),
    Kind.ORDER: gettext_lazy("Order № %(name)s was never sent."),
    Kind.CART: gettext_lazy("Cart № %(name)s was never sent."),
    Kind.EVENT: gettext_lazy("The event %(name)s was never sent."),
}
UNCERTAIN: dict[Kind, Lazy] = {
    Kind.CONTACT: gettext_lazy(
        "The customer %(name)s was sent, but no answer came: it is not known what arrived."
    ),
    Kind.ORDER: gettext_lazy(
        "Order № %(name)s was sent, but no answer came: it is not known what arrived."
    ),
    Kind.CART: gettext_lazy(
        "Cart № %(name)s was sent, but no answer came: it is not known what arrived."
    ),
    Kind.EVENT: gettext_lazy(
        "The event %(name)s was sent, but no answer came: it is not known what arrived."
    ),
}


def why_text(reason: str, detail: str) -> str:
    """A reason as a person reads it, with the destination's own words."""
    known = {one.value: label for one, label in REASONS.items()}
    said = str(known.get(reason, reason))
    return ": ".join(part for part in (said, detail.rstrip(". ")) if part) or "—"


def answer(history: AccountHistory, name: str = "") -> str:
    """What became of the record, and what stands in the way of its changes now.

    :param name: what a person calls it; its key if left out.
    """
    told = {"name": name or history.key}
    return " ".join([_became(history, told), *_then(history)])


def _became(history: AccountHistory, told: dict[str, str]) -> str:
    kind, state = history.kind, history.state
    if state is not None and state.delivered_at is not None:
        return _arrived(history, told, state.delivered_at)
    if state is not None and state.session and state.session_since is not None:
        return str(UPLOADING[kind]) % {**told, **_when(state.session_since)}
    if (row := history.set_aside) is not None:
        return str(REFUSED[kind]) % {**told, "why": _why_refused(row)}
    if history.waiting is not None:
        return str(IN_LINE[kind]) % told
    if state is not None and kind is not Kind.EVENT:
        return str(UNCERTAIN[kind]) % told
    last = _last_answer(history)
    if last is not None and last.type is StepType.SKIPPED:
        return str(SKIPPED[kind]) % {**told, "why": why_text(last.reason, last.detail)}
    if last is not None and last.type is StepType.DELIVERED and last.at is not None:
        return _arrived(history, told, last.at)
    return str(NEVER[kind]) % told


def _why_refused(row: OutboxMessage) -> str:
    """That it was refused is said by the sentence already."""
    is_said = row.reason == Reason.REFUSED.value and bool(row.detail)
    return why_text("" if is_said else row.reason, row.detail)


def _arrived(history: AccountHistory, told: dict[str, str], moment: datetime) -> str:
    told = {**told, **_when(moment)}
    status = history.state.status if history.state is not None else ""
    if history.kind is Kind.ORDER and status:
        text = _("Order № %(name)s arrived on %(day)s at %(time)s with the status %(status)s.")
        if history.imported_by is not None:
            text = _(
                "Order № %(name)s arrived by a historical import on %(day)s at %(time)s with the "
                "status %(status)s."
            )
        return text % {**told, "status": status}
    texts = ARRIVED if history.imported_by is None else IMPORTED
    return str(texts[history.kind]) % told


def _then(history: AccountHistory) -> Iterator[str]:
    """What holds now, worst first: who was erased is not waited for."""
    if history.erased_at is not None:
        yield _erased(history)
        return
    connection, has_arrived = history.connection, _has_arrived(history)
    if has_arrived and (row := history.set_aside) is not None:
        text = _("A later change was refused: %(why)s. It is not tried again by itself.")
        yield text % {"why": _why_refused(row)}
    elif history.set_aside is not None:
        yield _("It is not tried again by itself.")
    if (waiting := history.waiting) is not None:
        yield from _in_line(history, waiting.due_at, why_text(waiting.reason, waiting.detail))
    elif has_arrived and (last := _later_skip(history)) is not None:
        text = _("The last change was not sent: %(why)s.")
        yield text % {"why": why_text(last.reason, last.detail)}
    if not connection.is_enabled:
        yield _("The connection is off: changes are not even noted.")
    elif connection.paused_at is not None:
        text = _("Sending is paused: %(why)s.")
        yield text % {"why": (connection.pause_detail or "—").rstrip(". ")}


def _in_line(history: AccountHistory, due_at: datetime, why: str) -> Iterator[str]:
    if _has_arrived(history):
        yield _("A later change is in line.")
    if history.rests_until is not None:
        text = _("Nothing of this kind is sent until %(time)s: %(why)s.")
        told = {"time": _clock(history.rests_until), "why": history.rests_because or "—"}
        yield text % {**told, "why": told["why"].rstrip(". ")}
    elif due_at > timezone.now():
        text = _("The next try is on %(day)s at %(time)s.")
        if why != "—":
            text = _("The next try is on %(day)s at %(time)s, because: %(why)s.")
        yield text % {**_when(due_at), "why": why}


def _erased(history: AccountHistory) -> str:
    if history.kind is Kind.CONTACT:
        text = _("The customer was deleted on %(day)s at %(time)s and is never sent again.")
    elif _has_arrived(history):
        text = _("Later the customer was deleted, so changes are not sent any more.")
    else:
        text = _("Its customer was deleted, so it is not sent.")
    assert history.erased_at is not None
    return text % _when(history.erased_at)


def _has_arrived(history: AccountHistory) -> bool:
    return history.state is not None and history.state.delivered_at is not None


def _last_answer(history: AccountHistory) -> Step | None:
    told = (StepType.SKIPPED, StepType.DELIVERED, StepType.REFUSED)
    return next((step for step in history.steps if step.type in told), None)


def _later_skip(history: AccountHistory) -> Step | None:
    """The last answer, when it was “not sent” for a reason that a person should know."""
    last = _last_answer(history)
    if last is None or last.type is not StepType.SKIPPED:
        return None
    return None if last.reason in (Reason.UNCHANGED.value, "") else last


def _when(moment: datetime) -> dict[str, str]:
    return {"day": date_format(local_time(moment), _DAY), "time": _clock(moment)}


_DAY = "SHORT_DATE_FORMAT"


def _clock(moment: datetime) -> str:
    return date_format(local_time(moment), "H:i")
