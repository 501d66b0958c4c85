"""Bulk contact imports: accepted at once, visible only when their session is over."""

from __future__ import annotations

import time
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from .contacts import ContactBook, StoredContact, locators_of
from .events import EventStream
from .exchange import Call
from .settings import Settings

ADDRESS_PARTS = ("address", "town", "region", "postcode")
PLAIN_FIELDS = ("firstName", "lastName", "contactKey", "languageCode", "timeZone")
ALL_FIELDS = (*PLAIN_FIELDS, *ADDRESS_PARTS, "email", "sms")
SUPPORTED_DEDUPE = ("externalCustomerId", "email", "sms", "email_or_sms")


@dataclass(kw_only=True)
class Session:
    id: str
    options: Mapping[str, Any]
    contacts: Sequence[Mapping[str, Any]]
    by: str
    started: float
    error: str | None = None
    error_ids: frozenset[str] = frozenset()
    polls: int = 0
    is_over: bool = False
    mapping: list[dict[str, Any]] = field(default_factory=list)
    missed: list[str] = field(default_factory=list)

    def status(self) -> str:
        if not self.is_over:
            return "STARTED" if self.polls <= 1 else "IMPORTING"
        return "ERROR" if self.error and not self.error_ids else "FINISHED"

    def wire(self) -> dict[str, Any]:
        answer: dict[str, Any] = {"sessionId": self.id, "status": self.status()}
        if self.is_over:
            answer["mapping"] = self.mapping
            if self.error and (self.missed or not self.error_ids):
                answer["description"] = ": ".join(
                    filter(None, [self.error, ", ".join(self.missed)])
                )
        return answer


class Imports:
    def __init__(self, contacts: ContactBook, events: EventStream) -> None:
        self.sessions: dict[str, Session] = {}
        self._contacts = contacts
        self._events = events

    def accept(self, call: Call, contacts: Sequence[Mapping[str, Any]]) -> Session:
        session = Session(
            id=str(uuid.uuid4()),
            options=call.body,
            contacts=contacts,
            by=call.path,
            started=time.monotonic(),
            error=call.import_error,
            error_ids=call.import_error_ids,
        )
        self.sessions[session.id] = session
        return session

    def settle(self, settings: Settings) -> None:
        """Write what is due; called before anybody looks."""
        for session in self.sessions.values():
            if session.is_over:
                continue
            is_polled = not settings.import_polls or session.polls > settings.import_polls
            if is_polled and time.monotonic() - session.started >= settings.import_seconds:
                self._finish(session)

    def _finish(self, session: Session) -> None:
        session.is_over = True
        if session.status() == "ERROR":
            return
        for body in session.contacts:
            names = identities(body)
            if session.error_ids & names:
                session.missed.append(min(session.error_ids & names))
                continue
            contact = self._import_contact(session, body)
            if contact:
                value = dedupe_value(body, str(session.options["dedupeOn"]))
                session.mapping.append({"dedupeValue": value, "contactId": contact.id})

    def _import_contact(self, session: Session, body: Mapping[str, Any]) -> StoredContact | None:
        options, external_id = session.options, str(body.get("externalCustomerId", ""))
        locators = locators_of(body["channels"])
        if not external_id and options["dedupeOn"] in ("email", "sms"):
            locators = [one for one in locators if one[0] == options["dedupeOn"]]
        known = self._contacts.match(external_id, locators)
        if known and known.is_deleted:
            if not options.get("restoreDeleted"):
                return None
            known.is_deleted, known.is_restored = False, True
        contact, is_new = self._contacts.match_or_create(external_id, locators, by=session.by)
        self._write(contact, body, options, is_new=is_new)
        if is_new and options.get("eventKeyForNewContacts"):
            self._welcome(contact, options["eventKeyForNewContacts"])
        return contact

    def _write(
        self,
        contact: StoredContact,
        body: Mapping[str, Any],
        options: Mapping[str, Any],
        *,
        is_new: bool,
    ) -> None:
        listed = options.get("contactFields", ALL_FIELDS)
        _write_or_clear(contact.scalars, body, [name for name in PLAIN_FIELDS if name in listed])
        parts = [name for name in ADDRESS_PARTS if name in listed]
        _write_or_clear(contact.address, body.get("address", {}), parts)
        given = {channel["type"] for channel in body["channels"]}
        for kind in ("email", "sms", "mobilepush", "webpush"):
            # A new contact needs the channel that it is known by, listed or not.
            if kind in listed or (kind in given and (is_new or kind not in ("email", "sms"))):
                self._contacts.set_channels(contact, kind, body["channels"])
        values = {entry["id"]: entry["value"] for entry in body.get("fields", [])}
        _write_or_clear(contact.fields, values, options.get("customFieldsIDs", []))
        contact.groups.update(options.get("groupNames", []))
        contact.groups.update(group["name"] for group in body.get("groups", []))
        contact.groups.difference_update(options.get("groupNamesExclude", []))

    def _welcome(self, contact: StoredContact, event_type: str) -> None:
        email, phone = contact.first("email"), contact.first("sms")
        params = {"contactId": contact.id, "EmailAddress": email, "SMS": phone}
        self._events.record(event_type, params, source="import", key=email or phone or "")


def dedupe_value(contact: Mapping[str, Any], dedupe_on: str) -> str:
    """What the caller can recognise the contact by in the mapping; empty = nothing to match on."""
    external_id = str(contact.get("externalCustomerId", ""))
    if dedupe_on == "externalCustomerId":
        return external_id
    kinds = ("email", "sms") if dedupe_on == "email_or_sms" else (dedupe_on,)
    for kind in kinds:
        for channel in contact["channels"]:
            if channel["type"] == kind:
                return str(channel["value"])
    return external_id


def identities(record: Any) -> frozenset[str]:
    """Every id that a script may name a record by."""
    if not isinstance(record, dict):
        return frozenset()
    names = {record.get("externalOrderId"), record.get("externalCustomerId")}
    if "externalOrderId" in record:
        names = {record["externalOrderId"]}
    channels = record.get("channels")
    for channel in channels if isinstance(channels, list) else ():
        if isinstance(channel, dict):
            names.add(channel.get("value"))
    return frozenset(name for name in names if isinstance(name, str))


def _write_or_clear(target: dict[Any, Any], given: Mapping[Any, Any], names: Sequence[Any]) -> None:
    for name in names:
        if name in given:
            target[name] = given[name]
        else:
            target.pop(name, None)
