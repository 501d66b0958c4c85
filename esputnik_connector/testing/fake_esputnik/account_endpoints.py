"""What the account tells of itself: name, additional fields, segments, categories, workflows."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .exchange import Answer, Call, json_answer
from .settings import Settings
from .shapes import listed, paged
from .state import State


def account_info(state: State, _call: Call) -> Answer:
    return json_answer(
        {
            "userEmail": "api-user162065",
            "organisationName": state.settings.organisation,
            "orgId": 4711,
        }
    )


def address_books(state: State, _call: Call) -> Answer:
    """One book with one group, and so an object each, as the document says."""
    settings = state.settings
    fields = [_field(entry, settings) for entry in settings.additional_fields]
    group = {
        "name": "Shop",
        "profileKey": "shop",
        "fields": listed(fields, settings, is_documented=True),
    }
    book = {
        "addressBookId": _as_text(1, settings),
        "name": "Fake catalogue",
        "fieldGroups": listed([group], settings, is_documented=True),
    }
    return json_answer({"addressBook": listed([book], settings, is_documented=True)})


def groups(state: State, call: Call) -> Answer:
    names = sorted({name for one in state.contacts.by_id.values() for name in one.groups})
    found = [
        {"id": number, "name": name, "type": "Static"}
        for number, name in enumerate(names, start=1)
        if call.query.get("name", "").lower() in name.lower()
    ]
    return json_answer(listed(paged(found, call.query), state.settings))


def categories(state: State, _call: Call) -> Answer:
    shown = []
    for number, key in enumerate(state.settings.categories, start=1):
        members = [one for one in state.contacts.by_id.values() if key in one.categories]
        shown.append({**category(key, state.settings), "contactsCount": len(members)})
        shown[-1]["id"] = number
    return json_answer(listed(shown, state.settings))


def category(key: str, settings: Settings) -> dict[str, Any]:
    """A subscription category; eSputnik makes its key from its title."""
    number = settings.categories.index(key) + 1
    return {"id": number, "key": key, "name": key.capitalize(), "groupId": 100 + number}


def workflows(state: State, call: Call) -> Answer:
    """Which event starts one is not told."""
    wanted = call.query.get("name", "").lower()
    found = [
        {**one, "tags": listed(one.get("tags", ()), state.settings, is_documented=True)}
        for one in state.settings.workflows
        if wanted in str(one["name"]).lower()
    ]
    return json_answer(listed(paged(found, call.query), state.settings))


def _field(field: Mapping[str, Any], settings: Settings) -> dict[str, Any]:
    allowed = field.get("allowedValues")
    kind = str(field["type"])
    description = {
        "type": kind.lower() if settings.addressbook_as_text else kind.upper(),
        "required": _as_text(bool(field.get("required", False)), settings),
        "readonly": _as_text(bool(field.get("readonly", False)), settings),
        **({"allowedValues": allowed} if allowed else {}),
    }
    key = field.get("fieldKey", str(field["name"]).lower().replace(" ", "_"))
    number = _as_text(int(field["id"]), settings)
    return {"id": number, "name": field["name"], "fieldKey": key, "description": description}


def _as_text(value: bool | int, settings: Settings) -> Any:
    if not settings.addressbook_as_text:
        return value
    return str(value).lower()
