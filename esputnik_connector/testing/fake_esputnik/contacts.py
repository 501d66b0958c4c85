"""The contacts of the account: how they are found, merged, deleted and erased."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

SCALARS = ("firstName", "lastName", "contactKey", "languageCode", "timeZone", "addressBookId")
LOCATOR_TYPES = ("email", "sms")

Locator = tuple[str, str]


@dataclass(kw_only=True)
class StoredContact:
    id: int
    external_id: str = ""
    scalars: dict[str, Any] = field(default_factory=dict)
    address: dict[str, str] = field(default_factory=dict)
    channels: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    fields: dict[int, str] = field(default_factory=dict)
    groups: set[str] = field(default_factory=set)
    is_deleted: bool = False
    is_restored: bool = False
    is_confirmed: bool = True
    touched: int = 0

    def wire(self) -> dict[str, Any]:
        """As GET /v1/contact/{id} shows it."""
        shown: dict[str, Any] = {"id": self.id, **self.scalars}
        if self.external_id:
            shown["externalCustomerId"] = self.external_id
        shown["channels"] = [dict(entry) for kind in self.channels.values() for entry in kind]
        shown["address"] = dict(self.address)
        shown["fields"] = [{"id": key, "value": self.fields[key]} for key in sorted(self.fields)]
        shown["groups"] = [{"name": name} for name in sorted(self.groups)]
        return shown

    def seen(self) -> dict[str, Any]:
        """The wire form and what only the fake tells."""
        flags = {"deleted": self.is_deleted, "restored": self.is_restored}
        first = {kind: self.first(kind) for kind in LOCATOR_TYPES}
        nothing = dict.fromkeys(("externalCustomerId", *SCALARS))
        return {**nothing, **self.wire(), **first, **flags, "confirmed": self.is_confirmed}

    def first(self, channel_type: str) -> str | None:
        entries = self.channels.get(channel_type)
        return str(entries[0]["value"]) if entries else None

    def locators(self) -> list[Locator]:
        return locators_of([entry for kind in self.channels.values() for entry in kind])


def locators_of(channels: Iterable[Mapping[str, Any]]) -> list[Locator]:
    """E-mails before phones: that is the order in which eSputnik looks."""
    found = [
        (str(channel["type"]), str(channel["value"]).lower())
        for channel in channels
        if channel["type"] in LOCATOR_TYPES
    ]
    return sorted(found, key=lambda locator: locator[0])


class ContactBook:
    def __init__(self) -> None:
        self.by_id: dict[int, StoredContact] = {}
        self.erased: set[Locator] = set()
        self.recreated_after_erase: list[dict[str, Any]] = []
        self._holders: dict[Locator, set[int]] = {}
        self._ids: dict[str, int] = {}
        self._clock = 0
        self._last_id = 1000

    def by_external_id(self, external_id: str) -> StoredContact | None:
        return self.by_id.get(self._ids.get(external_id, 0))

    def match(self, external_id: str, locators: Sequence[Locator]) -> StoredContact | None:
        """The external id first; a known id is never taken over by another one."""
        if external_id and (known := self.by_external_id(external_id)):
            return known
        for locator in locators:
            holders = [self.by_id[number] for number in self._holders.get(locator, ())]
            free = [one for one in holders if not (external_id and one.external_id)]
            if free:
                return max(free, key=lambda one: (not one.is_deleted, one.touched))
        return None

    def match_or_create(
        self, external_id: str, locators: Sequence[Locator], *, by: str
    ) -> tuple[StoredContact, bool]:
        contact = self.match(external_id, locators)
        is_new = contact is None
        if contact is None:
            self._last_id += 1
            contact = self.by_id[self._last_id] = StoredContact(id=self._last_id)
            self._note_recreation(contact, external_id, locators, by=by)
        if external_id and not contact.external_id:
            contact.external_id = external_id
            self._ids[external_id] = contact.id
        self._touch(contact)
        return contact, is_new

    def add_or_update(self, body: Mapping[str, Any], *, by: str) -> StoredContact:
        """POST /v1/contact: what is absent stays; a given channel type is replaced."""
        external_id = str(body.get("externalCustomerId", ""))
        locators = locators_of(body["channels"])
        contact, _ = self.match_or_create(external_id, locators, by=by)
        self.update(contact, body)
        return contact

    def update(self, contact: StoredContact, body: Mapping[str, Any]) -> None:
        if contact.is_deleted:
            contact.is_deleted, contact.is_restored = False, True
        contact.scalars.update({name: body[name] for name in SCALARS if name in body})
        contact.address.update(body.get("address", {}))
        contact.fields.update({entry["id"]: entry["value"] for entry in body.get("fields", [])})
        contact.groups.update(group["name"] for group in body.get("groups", []))
        for kind in {channel["type"] for channel in body["channels"]}:
            self.set_channels(contact, kind, body["channels"])
        self._touch(contact)

    def set_channels(
        self, contact: StoredContact, kind: str, channels: Sequence[Mapping[str, Any]]
    ) -> None:
        """All channels of one type; none given clears the type."""
        self._unindex(contact)
        chosen = [dict(channel) for channel in channels if channel["type"] == kind]
        contact.channels.pop(kind, None)
        if chosen:
            contact.channels[kind] = chosen
        for locator in contact.locators():
            self._holders.setdefault(locator, set()).add(contact.id)

    def take_external_id(self, contact: StoredContact, external_id: str) -> None:
        """PUT by internal id may give the contact another external id."""
        self._ids.pop(contact.external_id, None)
        contact.external_id = external_id
        self._ids[external_id] = contact.id

    def erase(self, contact: StoredContact) -> None:
        self.erased.update(contact.locators())
        if contact.external_id:
            self.erased.add(("externalCustomerId", contact.external_id))
            self._ids.pop(contact.external_id, None)
        self._unindex(contact)
        del self.by_id[contact.id]

    def search(self, query: Mapping[str, str]) -> list[StoredContact]:
        return [
            one for one in self.by_id.values() if all(_fits(one, *pair) for pair in query.items())
        ]

    def _touch(self, contact: StoredContact) -> None:
        self._clock += 1
        contact.touched = self._clock

    def _unindex(self, contact: StoredContact) -> None:
        for locator in contact.locators():
            self._holders.get(locator, set()).discard(contact.id)

    def _note_recreation(
        self, contact: StoredContact, external_id: str, locators: Sequence[Locator], *, by: str
    ) -> None:
        claimed = {*locators, ("externalCustomerId", external_id)}
        if known := sorted(claimed & self.erased):
            note = {"contactId": contact.id, "by": by, "erased": [list(pair) for pair in known]}
            self.recreated_after_erase.append(note)


def _fits(contact: StoredContact, name: str, wanted: str) -> bool:
    if name in LOCATOR_TYPES:
        return (name, wanted.lower()) in contact.locators()
    if name == "externalCustomerId":
        return contact.external_id == wanted
    if name in ("firstname", "lastname"):
        camel = {"firstname": "firstName", "lastname": "lastName"}[name]
        return str(contact.scalars.get(camel, "")).lower() == wanted.lower()
    return True
