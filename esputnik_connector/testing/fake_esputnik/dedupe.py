"""By what an import finds a contact again."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

CHANNELS = {
    "email": ("email",),
    "sms": ("sms",),
    "email_or_sms": ("email", "sms"),
    "push": ("mobilepush",),
}


def dedupe_value(contact: Mapping[str, Any], options: Mapping[str, Any]) -> str:
    """The value of the field that ``dedupeOn`` names; empty when the contact has none."""
    dedupe_on = str(options["dedupeOn"])
    if dedupe_on in CHANNELS:
        return next((value for _, value in dedupe_channels(contact, options)), "")
    if dedupe_on == "fieldId":
        values = {entry["id"]: entry["value"] for entry in contact.get("fields", ())}
        return str(values.get(options["fieldId"], ""))
    return str(contact.get(dedupe_on, ""))


def dedupe_channels(
    contact: Mapping[str, Any], options: Mapping[str, Any]
) -> list[tuple[str, str]]:
    """Type and value of the channels that ``dedupeOn`` names, in the order of the search."""
    return [
        (kind, str(channel["value"]))
        for kind in CHANNELS.get(str(options["dedupeOn"]), ())
        for channel in contact["channels"]
        if channel["type"] == kind
    ]


def protected(options: Mapping[str, Any]) -> frozenset[str]:
    """What an import does not update, since it is what it searches by: names as in
    ``contactFields``, or ``field:<id>``."""
    dedupe_on = str(options["dedupeOn"])
    if dedupe_on == "fieldId":
        return frozenset({f"field:{options['fieldId']}"})
    return frozenset(CHANNELS.get(dedupe_on, (dedupe_on,)))
