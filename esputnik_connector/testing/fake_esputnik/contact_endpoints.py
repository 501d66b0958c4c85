"""The contact endpoints."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from . import rules
from .batches import failed_field, sift
from .contacts import StoredContact, locators_of
from .exchange import Answer, Call, RefusedError, json_answer, text_answer
from .imports import SUPPORTED_DEDUPE, dedupe_value
from .state import State

PAGE = 500


def _field(number: int, name: str, kind: str, **more: Any) -> dict[str, Any]:
    # Numbers and booleans come as texts, as in the sample of the documentation.
    description = {"type": kind, "required": "false", "readonly": "false", **more}
    return {"id": str(number), "name": name, "description": description}


def add_contact(state: State, call: Call) -> Answer:
    _refuse_blank(call.body)
    contact = state.contacts.add_or_update(call.body, by=call.path)
    return json_answer({"id": contact.id})


def put_contact(state: State, call: Call) -> Answer:
    contact = _by_internal_id(state, call)
    _refuse_blank(call.body)
    external_id = call.body.get("externalCustomerId", contact.external_id)
    if external_id != contact.external_id:
        if state.contacts.by_external_id(external_id):
            raise RefusedError(400, "externalCustomerId belongs to another contact")
        state.contacts.take_external_id(contact, external_id)
    state.contacts.update(contact, call.body)
    return text_answer(f"Contact with id='{contact.id}' has been updated")


def get_contact(state: State, call: Call) -> Answer:
    return json_answer(_by_internal_id(state, call).wire())


def delete_contact(state: State, call: Call) -> Answer:
    contact = _by_internal_id(state, call)
    contact.is_deleted = True
    return text_answer(f"Contact with id='{contact.id}' has been deleted")


def delete_by_external_id(state: State, call: Call) -> Answer:
    external_id = call.query["externalCustomerId"]
    contact = state.contacts.by_external_id(external_id)
    if contact is None:
        message = f"Contact with externalCustomerId='{external_id}' not found"
        raise RefusedError(404, message, as_json=True)
    if call.query["erase"] == "true":
        state.orders.anonymise(contact.id)
        state.contacts.erase(contact)
    else:
        contact.is_deleted = True
    return text_answer(f"Contact with externalCustomerId='{external_id}' has been deleted")


def subscribe(state: State, call: Call) -> Answer:
    """A new e-mail is unconfirmed, known channels stay, and an event is raised."""
    body = call.body["contact"]
    _refuse_blank(call.body)
    external_id, locators = str(body.get("externalCustomerId", "")), locators_of(body["channels"])
    contact, is_new = state.contacts.match_or_create(external_id, locators, by=call.path)
    if is_new:
        contact.is_confirmed = False
    kept = body["channels"] if is_new else []
    state.contacts.update(contact, {**body, "channels": kept})
    contact.groups.update(call.body.get("groups", []))
    name = "subscribeFromApi" if is_new else "subscribeUpdateFromApi"
    suffix = f"-{call.body['formType']}" if "formType" in call.body else ""
    params = {"ContactId": contact.id, "EmailAddress": contact.first("email")}
    state.events.record(name + suffix, params, source="subscribe", key=str(contact.id))
    return json_answer({"id": contact.id})


def add_contacts(state: State, call: Call) -> Answer:
    dedupe_on = call.body["dedupeOn"]
    if dedupe_on not in SUPPORTED_DEDUPE:
        raise RefusedError(400, f"The fake does not know dedupeOn {dedupe_on}", is_violation=True)

    def problem_of(contact: Any) -> str:
        if problem := rules.contact_problem(contact):
            return problem
        return "" if dedupe_value(contact, dedupe_on) else f"no value to match by {dedupe_on}"

    accepted, failed = sift(state, call, call.body["contacts"], problem_of)
    session = state.imports.accept(call, accepted)
    answer = {"id": 0, "asyncSessionId": session.id}
    return json_answer({**answer, **failed_field("failedContacts", failed, call)})


def import_status(state: State, call: Call) -> Answer:
    session = state.imports.sessions.get(call.arguments["sessionId"])
    if session is None:
        raise RefusedError(404, "Import session not found")
    session.polls += 1
    state.settle()
    return json_answer(session.wire())


def search_contacts(state: State, call: Call) -> Answer:
    found = [contact.wire() for contact in state.contacts.search(call.query)]
    return json_answer(_page(found, call.query), headers={"TotalCount": str(len(found))})


def unsubscribe_emails(state: State, call: Call) -> Answer:
    state.unsubscribed.update(email.lower() for email in call.body["emails"])
    return Answer(status=200)


def resubscribe_emails(state: State, call: Call) -> Answer:
    state.unsubscribed.difference_update(email.lower() for email in call.body["emails"])
    return Answer(status=200)


def address_books(_state: State, _call: Call) -> Answer:
    levels = {"possibleValues": ["silver", "gold"]}
    fields = [
        _field(10001, "Birthday", "date"),
        _field(10002, "Loyalty level", "combobox", allowedValues=levels),
        _field(10003, "Note", "text"),
    ]
    book = {"addressBookId": "1", "name": "Fake catalogue"}
    return json_answer(
        {"addressBook": {**book, "fieldGroups": [{"name": "Shop", "fields": fields}]}}
    )


def groups(state: State, call: Call) -> Answer:
    names = sorted({name for one in state.contacts.by_id.values() for name in one.groups})
    listed = [
        {"id": number, "name": name, "type": "Static"}
        for number, name in enumerate(names, start=1)
        if call.query.get("name", "").lower() in name.lower()
    ]
    return json_answer(_page(listed, call.query))


def _page(found: list[Any], query: Mapping[str, str]) -> list[Any]:
    start = int(query.get("startindex", 1)) - 1
    return found[start : start + int(query.get("maxrows", PAGE))]


def _by_internal_id(state: State, call: Call) -> StoredContact:
    contact = state.contacts.by_id.get(int(call.arguments["id"]))
    if contact is None:
        raise RefusedError(404, f"Contact with id='{call.arguments['id']}' not found")
    return contact


def _refuse_blank(body: Any) -> None:
    if problem := rules.blank_text_problem(body):
        raise RefusedError(400, problem, is_violation=True)
