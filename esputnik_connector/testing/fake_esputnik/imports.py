"""Bulk contact imports: accepted at once, visible only when their session is over."""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from .contacts import ContactBook, StoredContact, best, locators_of
from .dedupe import dedupe_channels, dedupe_value, protected
from .events import EventStream, now_text
from .exchange import Call, Fate, identities
from .settings import Settings
from .shapes import listed

ADDRESS_PARTS = ("address", "town", "region", "postcode")
PLAIN_FIELDS = ("firstName", "lastName", "contactKey", "languageCode", "timeZone")
CHANNEL_FIELDS = ("email", "sms", "mobilepush", "webpush")
ALL_FIELDS = (*PLAIN_FIELDS, *ADDRESS_PARTS, *CHANNEL_FIELDS, "externalCustomerId")


@dataclass(kw_only=True)
class Session:
    id: str
    options: Mapping[str, Any]
    contacts: Sequence[Mapping[str, Any]]
    by: str
    started: float
    fates: Mapping[str, Fate] = field(default_factory=dict)
    polls: int = 0
    is_over: bool = False
    timestamp: str = ""
    mapping: list[dict[str, Any]] = field(default_factory=list)
    missed: list[str] = field(default_factory=list)

    def status(self) -> str:
        if not self.is_over:
            return "STARTED" if self.polls <= 1 else "IMPORTING"
        error = self.fates.get("import_error")
        return "ERROR" if error and not error.ids else "FINISHED"

    def wire(self, settings: Settings) -> dict[str, Any]:
        answer: dict[str, Any] = {"status": self.status(), "timestamp": self.timestamp}
        if not self.is_over:
            return answer
        error = self.fates.get("import_error")
        if error and (self.missed or not error.ids):
            answer["description"] = ": ".join(filter(None, [error.text, ", ".join(self.missed)]))
        return {**answer, "mapping": listed(self.mapping, settings)}

    def is_due(self, settings: Settings) -> bool:
        """Whether it may be worked off by now."""
        late = self.fates.get("import_late")
        seconds = settings.import_seconds + (late.seconds if late else 0.0)
        is_polled = not settings.import_polls or self.polls > settings.import_polls
        is_stuck = "import_stuck" in self.fates
        return is_polled and not is_stuck and time.monotonic() - self.started >= seconds

    def fate_of(self, body: Mapping[str, Any], kind: str) -> str:
        """The id by which the script names the contact, or "all"; empty when it does not."""
        fate = self.fates.get(kind)
        if fate is None:
            return ""
        return min(fate.ids & identities(body), default="") if fate.ids else "all"


class Imports:
    """:param settings: answers how the account is set now."""

    def __init__(
        self, contacts: ContactBook, events: EventStream, settings: Callable[[], Settings]
    ) -> None:
        self.sessions: dict[str, Session] = {}
        self._contacts = contacts
        self._events = events
        self._settings = settings

    def accept(self, call: Call, contacts: Sequence[Mapping[str, Any]]) -> Session:
        session = Session(
            id=str(uuid.uuid4()),
            options=call.body,
            contacts=contacts,
            by=call.path,
            started=time.monotonic(),
            timestamp=now_text(),
            fates=call.script.fates,
        )
        self.sessions[session.id] = session
        return session

    def rename(self, old: str, new: str) -> None:
        """The answer told another id than the account had given."""
        if old != new and old in self.sessions:
            session = self.sessions[new] = self.sessions.pop(old)
            session.id = new

    def settle(self) -> None:
        """Write what is due; called before anybody looks."""
        settings = self._settings()
        waiting = [session for session in self.sessions.values() if not session.is_over]
        due = [index for index, session in enumerate(waiting) if session.is_due(settings)]
        if settings.import_order == "sent":
            for index in due:
                self._finish(waiting[index])
            return
        # What came later is worked off before the first one that is due, and so overwritten by it.
        for session in reversed(waiting[due[0] :] if due else []):
            if session.is_due(settings) or not session.fates:
                self._finish(session)

    def _finish(self, session: Session) -> None:
        session.is_over, session.timestamp = True, now_text()
        if session.status() == "ERROR":
            return
        for body in session.contacts:
            if name := session.fate_of(body, "import_error"):
                session.missed.append(name)
            elif session.fate_of(body, "import_skip"):
                continue
            elif session.fate_of(body, "import_no_id"):
                session.mapping.append({"dedupeValue": self._value(session, body)})
            elif contact := self._import_contact(session, body):
                value = self._value(session, body)
                session.mapping.append({"dedupeValue": value, "contactId": contact.id})

    def _value(self, session: Session, body: Mapping[str, Any]) -> str:
        """What the caller can recognise the contact by."""
        external_id = str(body.get("externalCustomerId", ""))
        return dedupe_value(body, session.options) or external_id

    def _import_contact(self, session: Session, body: Mapping[str, Any]) -> StoredContact | None:
        options, external_id = session.options, str(body.get("externalCustomerId", ""))
        contact = self._found(options, body, external_id)
        if contact and contact.is_deleted:
            if not options.get("restoreDeleted"):
                return None
            self._contacts.restore(contact)
        is_new = contact is None
        if contact is None:
            locators = locators_of(body["channels"])
            contact = self._contacts.create(external_id, locators, by=session.by)
        self._contacts.touch(contact)
        self._write(contact, body, options, is_new=is_new)
        self._contacts.note_write(contact, session=session.id)
        if is_new and options.get("eventKeyForNewContacts"):
            self._welcome(contact, options["eventKeyForNewContacts"])
        return contact

    def _found(
        self, options: Mapping[str, Any], body: Mapping[str, Any], external_id: str
    ) -> StoredContact | None:
        """By external id, then by ``dedupeOn``; there is no third search."""
        if external_id and (known := self._contacts.by_external_id(external_id)):
            return known
        if options["dedupeOn"] == "externalCustomerId":
            searches_again = self._settings().import_searches_again
            locators = locators_of(body["channels"]) if searches_again else []
            return self._contacts.match(external_id, locators)
        for found in self._candidates(options, body):
            if one := best([one for one in found if not (external_id and one.external_id)]):
                return one
        return None

    def _candidates(
        self, options: Mapping[str, Any], body: Mapping[str, Any]
    ) -> Iterator[list[StoredContact]]:
        for kind, value in dedupe_channels(body, options):
            yield self._contacts.holders(kind, value)
        wanted = dedupe_value(body, options)
        if options["dedupeOn"] == "id" and wanted:
            yield [one for one in self._contacts.by_id.values() if str(one.id) == wanted]
        if options["dedupeOn"] == "fieldId" and wanted:
            number, everybody = options["fieldId"], self._contacts.by_id.values()
            yield [one for one in everybody if one.fields.get(number) == wanted]

    def _write(
        self,
        contact: StoredContact,
        body: Mapping[str, Any],
        options: Mapping[str, Any],
        *,
        is_new: bool,
    ) -> None:
        """A listed field without data becomes null; a value of a wrong form changes nothing. What
        a contact is searched by is written only into a new one."""
        kept = {*self._contacts.drop(contact, body)}
        kept |= set() if is_new else protected(options)
        names = {*options.get("contactFields", ALL_FIELDS)} - kept
        write_or_clear(contact.scalars, body, [name for name in PLAIN_FIELDS if name in names])
        parts = [name for name in ADDRESS_PARTS if name in names]
        write_or_clear(contact.address, body.get("address", {}), parts)
        given = {channel["type"] for channel in body["channels"]}
        for kind in CHANNEL_FIELDS:
            # A new contact needs the channel that it is known by, listed or not.
            if kind in names or (is_new and kind in given):
                self._contacts.set_channels(contact, kind, body["channels"])
        values = {entry["id"]: entry["value"] for entry in body.get("fields", [])}
        numbers = [n for n in options.get("customFieldsIDs", []) if f"field:{n}" not in kept]
        write_or_clear(contact.fields, values, numbers)
        external_id = str(body.get("externalCustomerId", ""))
        if external_id and not contact.external_id and (is_new or "externalCustomerId" in names):
            self._contacts.take_external_id(contact, external_id)
        contact.groups.update(options.get("groupNames", []))
        contact.groups.difference_update(options.get("groupNamesExclude", []))

    def _welcome(self, contact: StoredContact, event_type: str) -> None:
        email, phone = contact.first("email") or "", contact.first("sms") or ""
        params = {"contactId": contact.id, "EmailAddress": email, "SMS": phone}
        self._events.record(event_type, params, source="import", key=email or phone)


def write_or_clear(target: dict[Any, Any], given: Mapping[Any, Any], names: Iterable[Any]) -> None:
    """The named fields as they are given; those that are not given are emptied."""
    for name in names:
        if name in given:
            target[name] = given[name]
        else:
            target.pop(name, None)
