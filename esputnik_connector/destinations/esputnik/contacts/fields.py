"""The fields of a contact: one row says all that eSputnik and the shop call it.

A new standard field is one row here. It then stands in the payload, in ``contactFields`` of an
import, in the comparison with what eSputnik holds, and in the sources of a preview.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from esputnik_connector.destinations.esputnik.answers.values import entries
from esputnik_connector.destinations.esputnik.payloads import Texts
from esputnik_connector.identity import digits, language
from esputnik_connector.records import Contact, JSONObject, JSONValue

TOP, CHANNEL, ADDRESS = "", "channels", "address"


@dataclass(frozen=True, kw_only=True, slots=True)
class ContactField:
    """One standard field of a contact (esputnik-api.md#contact-object).

    :param name: in the payload, and in the list of an import (esputnik-api.md#contact-fields).
    :param place: where in the payload it stands: at its top, among the channels, in the address.
    :param source: the field of the shop's record that it comes from.
    :param read: its value, ``""`` for none.
    """

    name: str
    place: str = TOP
    source: str
    read: Callable[[Contact, Texts], str]

    @property
    def path(self) -> str:
        """Where it stands in the payload, as a preview shows it."""
        if self.place == CHANNEL:
            return "channels[].value"
        return f"{self.place}.{self.name}" if self.place else self.name

    @property
    def told(self) -> str:
        """What a comparison with eSputnik calls it."""
        return self.name if self.place == CHANNEL else self.path


# In the order of the payload. E-mail first: by it a guest is found again.
CONTACT_FIELDS = (
    ContactField(
        name="email",
        place=CHANNEL,
        source="email",
        read=lambda contact, _: contact.email,
    ),
    ContactField(
        name="sms",
        place=CHANNEL,
        source="phone",
        read=lambda contact, _: digits(contact.phone),  # eSputnik wants it without the plus
    ),
    ContactField(
        name="firstName",
        source="first_name",
        read=lambda contact, texts: texts.name(contact.first_name),
    ),
    ContactField(
        name="lastName",
        source="last_name",
        read=lambda contact, texts: texts.name(contact.last_name),
    ),
    ContactField(
        name="languageCode",
        source="language",
        # kept for contacts with an external id alone (esputnik-api.md#languages)
        read=lambda contact, _: "" if contact.is_guest else language(contact.language),
    ),
    ContactField(
        name="region",
        place=ADDRESS,
        source="address",
        read=lambda contact, texts: texts.fit(contact.address.region),
    ),
    ContactField(
        name="town",
        place=ADDRESS,
        source="address",
        read=lambda contact, texts: texts.fit(contact.address.town),
    ),
    ContactField(
        name="address",
        place=ADDRESS,
        source="address",
        read=lambda contact, texts: texts.fit(contact.address.line),
    ),
    ContactField(
        name="postcode",
        place=ADDRESS,
        source="address",
        read=lambda contact, texts: texts.fit(contact.address.postcode),
    ),
)

NAMES = frozenset(field.name for field in CONTACT_FIELDS)
PLACES = {field.name: field.place for field in CONTACT_FIELDS}
CHANNELS = tuple(name for name, place in PLACES.items() if place == CHANNEL)

FIELD_PREFIX = "field:"  # an additional field among the names of an envelope: "field:17"


def additional_name(number: str) -> str:
    """What an additional field is called among the names of an envelope."""
    return f"{FIELD_PREFIX}{number}"


def additional_ids(names: frozenset[str]) -> list[int]:
    """The ids of the additional fields among the names of an envelope, as ``customFieldsIDs``
    spells them."""
    extra = (name for name in names if name.startswith(FIELD_PREFIX))
    return sorted(int(name.removeprefix(FIELD_PREFIX)) for name in extra)


def standard_values(contact: Contact, texts: Texts) -> dict[str, str]:
    """The standard fields that carry a value, by name."""
    return {field.name: value for field in CONTACT_FIELDS if (value := field.read(contact, texts))}


def placed(values: Mapping[str, str]) -> JSONObject:
    """Standard fields where the payload has them.

    :param values: those that carry a value, in the order of :data:`CONTACT_FIELDS`.
    """
    channels: list[JSONValue] = []
    address: JSONObject = {}
    found: JSONObject = {}
    for name, value in values.items():
        place = PLACES[name]
        if place == CHANNEL:
            channels.append({"type": name, "value": value})
        elif place == ADDRESS:
            address[name] = value
        else:
            found[name] = value
    if channels:
        found[CHANNEL] = channels
    if address:
        found[ADDRESS] = address
    return found


def values_in(contact: Mapping[str, Any], field: ContactField) -> list[Any]:
    """The values of a field in a contact, as our payload or eSputnik's answer has it. A contact has
    several e-mails and phones; of anything else it has one."""
    if field.place == CHANNEL:
        return channels(contact, field.name)
    holder = contact.get(field.place) if field.place else contact
    value = holder.get(field.name) if isinstance(holder, Mapping) else None
    return [] if value is None else [value]


def channels(contact: Mapping[str, Any], kind: str) -> list[str]:
    """E-mails or phones of a contact, in lower case. An answer may be of any shape."""
    found = entries(contact.get("channels"))
    return [str(one.get("value", "")).lower() for one in found if one.get("type") == kind]
