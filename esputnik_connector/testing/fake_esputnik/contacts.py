"""The contacts of the account: how they are found, merged, deleted and erased."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from . import forms
from .addresses import Addresses
from .settings import Settings

SCALARS = (*forms.NAMES, "contactKey", "languageCode", "timeZone", "addressBookId")
BASE = (*forms.NAMES, "channels", "fields", "addressBookId", "id")
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
    categories: set[str] = field(default_factory=set)
    is_deleted: bool = False
    is_restored: bool = False
    touched: int = 0

    def wire(self) -> dict[str, Any]:
        """As GET /v1/contact/{id} shows it."""
        shown: dict[str, Any] = {"id": self.id, **self.scalars}
        if self.external_id:
            shown["externalCustomerId"] = self.external_id
        shown["channels"] = [dict(entry) for kind in self.channels.values() for entry in kind]
        shown["address"] = dict(self.address)
        shown["fields"] = [{"id": key, "value": self.fields[key]} for key in sorted(self.fields)]
        shown["groups"] = [{"name": name, "type": "Static"} for name in sorted(self.groups)]
        return shown

    def base(self) -> dict[str, Any]:
        """As a search shows it: no external id, no address, no language."""
        return {name: value for name, value in self.wire().items() if name in BASE}

    def seen(self, addresses: Addresses) -> dict[str, Any]:
        """The wire form and what only the fake tells."""
        first = {kind: self.first(kind) for kind in LOCATOR_TYPES}
        nothing = dict.fromkeys(("externalCustomerId", *SCALARS))
        return {
            **nothing,
            **self.wire(),
            **first,
            "categories": sorted(self.categories),
            "deleted": self.is_deleted,
            "restored": self.is_restored,
            "emailState": addresses.states.get((first["email"] or "").lower(), ""),
        }

    def first(self, channel_type: str) -> str | None:
        entries = self.channels.get(channel_type)
        return str(entries[0]["value"]) if entries else None

    def locators(self) -> list[Locator]:
        return locators_of(entry for kind in self.channels.values() for entry in kind)

    def all_channels(self) -> list[Locator]:
        """Type and value, in small letters, of all its channels."""
        return [
            (kind, str(entry["value"]).lower())
            for kind, entries in self.channels.items()
            for entry in entries
        ]


def locators_of(channels: Iterable[Mapping[str, Any]]) -> list[Locator]:
    """E-mails before phones: that is the order in which eSputnik looks."""
    found = [
        (str(channel["type"]), str(channel["value"]).lower())
        for channel in channels
        if channel["type"] in LOCATOR_TYPES
    ]
    return sorted(found, key=lambda locator: locator[0])


class ContactBook:
    """:param settings: answers how the account is set now."""

    def __init__(self, settings: Callable[[], Settings]) -> None:
        self.by_id: dict[int, StoredContact] = {}
        self.addresses = Addresses()
        self.erased: set[Locator] = set()
        self.recreated_after_erase: list[dict[str, Any]] = []
        self.not_stored: list[dict[str, Any]] = []
        self.writes: list[dict[str, Any]] = []
        self._settings = settings
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
            holders = self.holders(*locator)
            if found := best([one for one in holders if not (external_id and one.external_id)]):
                return found
        return None

    def holders(self, kind: str, value: str) -> list[StoredContact]:
        """Everybody with that e-mail, phone or push token."""
        return [self.by_id[number] for number in self._holders.get((kind, value.lower()), ())]

    def create(self, external_id: str, locators: Sequence[Locator], *, by: str) -> StoredContact:
        """A contact without data. An erased person who comes back is noticed."""
        self._last_id += 1
        contact = self.by_id[self._last_id] = StoredContact(id=self._last_id)
        claimed = {*locators, ("externalCustomerId", external_id)}
        if known := sorted(claimed & self.erased):
            note = {"contactId": contact.id, "by": by, "erased": [list(pair) for pair in known]}
            self.recreated_after_erase.append(note)
        return contact

    def match_or_create(
        self, external_id: str, locators: Sequence[Locator], *, by: str
    ) -> tuple[StoredContact, bool]:
        contact = self.match(external_id, locators)
        is_new = contact is None
        if contact is None:
            contact = self.create(external_id, locators, by=by)
        if external_id and not contact.external_id:
            self.take_external_id(contact, external_id)
        self.touch(contact)
        return contact, is_new

    def update(
        self,
        contact: StoredContact,
        body: Mapping[str, Any],
        *,
        is_order: bool = False,
        is_confirmed: bool = True,
    ) -> None:
        """What is absent or of a wrong form stays; a given channel type is replaced.

        :param is_order: the data of an order, of whose names the document says less.
        :param is_confirmed: a new e-mail is mailable at once, as everywhere but in subscribe.
        """
        self.restore(contact)
        dropped = self.drop(contact, body, is_order=is_order)
        scalars = [name for name in SCALARS if name in body and name not in dropped]
        contact.scalars.update({name: body[name] for name in scalars})
        contact.address.update(body.get("address", {}))
        values = {entry["id"]: entry["value"] for entry in body.get("fields", [])}
        kept = {key: value for key, value in values.items() if f"field:{key}" not in dropped}
        contact.fields.update(kept)
        for kind in {channel["type"] for channel in body["channels"]}:
            self.set_channels(contact, kind, body["channels"], is_confirmed=is_confirmed)
        self.touch(contact)
        self.note_write(contact)

    def note_write(self, contact: StoredContact, *, session: str = "") -> None:
        """The contact as it is from now on; an upload writes when it is worked off."""
        names = {name: contact.scalars.get(name) for name in forms.NAMES}
        known = {"contactId": contact.id, "externalCustomerId": contact.external_id}
        self.writes.append({**known, **names, "email": contact.first("email"), "session": session})

    def drop(
        self, contact: StoredContact, body: Mapping[str, Any], *, is_order: bool = False
    ) -> forms.Dropped:
        """The fields of ``body`` that are silently not stored; the fake keeps note of them."""
        settings = self._settings()
        bad_names = settings.bad_order_names if is_order else settings.bad_names
        dropped = forms.unstorable(body, settings, bad_names=bad_names)
        for name, why in dropped.items():
            self.not_stored.append({"contactId": contact.id, "field": name, "why": why})
        return dropped

    def restore(self, contact: StoredContact) -> None:
        if contact.is_deleted:
            contact.is_deleted, contact.is_restored = False, True

    def set_channels(
        self,
        contact: StoredContact,
        kind: str,
        channels: Sequence[Mapping[str, Any]],
        *,
        is_confirmed: bool = True,
    ) -> None:
        """All channels of one type; none given clears the type."""
        self._unindex(contact)
        chosen = [dict(channel) for channel in channels if channel["type"] == kind]
        contact.channels.pop(kind, None)
        if chosen:
            contact.channels[kind] = chosen
        for key in contact.all_channels():
            self._holders.setdefault(key, set()).add(contact.id)
        for channel in chosen if kind == "email" else ():
            self.store_address(str(channel["value"]), is_confirmed=is_confirmed)

    def store_address(self, email: str, *, is_confirmed: bool = True) -> None:
        """A call brought the address of a contact, new or not."""
        update_confirms = self._settings().update_confirms
        self.addresses.stored(email, is_confirmed=is_confirmed, update_confirms=update_confirms)

    def take_external_id(self, contact: StoredContact, external_id: str) -> None:
        self._ids.pop(contact.external_id, None)
        contact.external_id = external_id
        self._ids[external_id] = contact.id

    def erase(self, contact: StoredContact) -> None:
        self.erased.update(contact.locators())
        if contact.external_id:
            self.erased.add(("externalCustomerId", contact.external_id))
            self._ids.pop(contact.external_id, None)
        for kind, value in contact.locators():
            if kind == "email":
                self.addresses.forget(value)
        self._unindex(contact)
        del self.by_id[contact.id]

    def search(self, query: Mapping[str, str]) -> list[StoredContact]:
        return [
            one for one in self.by_id.values() if all(_fits(one, *pair) for pair in query.items())
        ]

    def mailable(self) -> list[str]:
        """The main e-mails that a bulk campaign would reach."""
        mains = (one.first("email") for one in self.by_id.values() if not one.is_deleted)
        return sorted({mail.lower() for mail in mains if mail and self.addresses.is_mailable(mail)})

    def touch(self, contact: StoredContact) -> None:
        self._clock += 1
        contact.touched = self._clock

    def _unindex(self, contact: StoredContact) -> None:
        for key in contact.all_channels():
            self._holders.get(key, set()).discard(contact.id)


def best(found: Collection[StoredContact]) -> StoredContact | None:
    """Of several that fit: the living before the deleted, then the one updated last."""
    return max(found, key=lambda one: (not one.is_deleted, one.touched), default=None)


def _fits(contact: StoredContact, name: str, wanted: str) -> bool:
    if name in LOCATOR_TYPES:
        return (name, wanted.lower()) in contact.locators()
    if name == "externalCustomerId":
        return contact.external_id == wanted
    if name in ("firstname", "lastname"):
        camel = {"firstname": "firstName", "lastname": "lastName"}[name]
        return str(contact.scalars.get(camel, "")).lower() == wanted.lower()
    return True
