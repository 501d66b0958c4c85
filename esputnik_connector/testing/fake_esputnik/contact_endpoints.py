"""One contact at a time: add, change, read, find, delete, subscribe."""

from __future__ import annotations

from typing import Any

from .account_endpoints import category
from .contacts import StoredContact, locators_of
from .exchange import Answer, Call, RefusedError, json_answer, text_answer
from .shapes import listed, paged
from .state import State


def add_contact(state: State, call: Call) -> Answer:
    """POST /v1/contact: by external id, then by e-mail and phone; a deleted one comes back."""
    external_id = str(call.body.get("externalCustomerId", ""))
    locators = locators_of(call.body["channels"])
    is_found = state.contacts.by_external_id(external_id) is not None if external_id else False
    if external_id and not is_found and not state.settings.contact_searches_again:
        locators = []
    contact, _ = state.contacts.match_or_create(external_id, locators, by=call.path)
    state.contacts.update(contact, call.body)
    return json_answer({"id": contact.id})


def put_contact(state: State, call: Call) -> Answer:
    """Never creates, but restores."""
    contact = _by_internal_id(state, call)
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
    _delete(state, contact, is_erased=call.query.get("erase") == "true")
    return text_answer(f"Contact with id='{contact.id}' has been deleted")


def delete_by_external_id(state: State, call: Call) -> Answer:
    external_id = call.query["externalCustomerId"]
    contact = state.contacts.by_external_id(external_id)
    if contact is None:
        if call.query["erase"] == "true":
            # An import of theirs may be open, and then creates them after their erasure.
            state.contacts.erased.add(("externalCustomerId", external_id))
        message = f"Contact with externalCustomerId='{external_id}' not found"
        raise RefusedError(404, message, as_json=True)
    _delete(state, contact, is_erased=call.query["erase"] == "true")
    return text_answer(f"Contact with externalCustomerId='{external_id}' has been deleted")


def search_contacts(state: State, call: Call) -> Answer:
    found = state.contacts.search(call.query)
    is_base = state.settings.search_answers == "base"
    shown = [one.base() if is_base else one.wire() for one in found]
    page = listed(paged(shown, call.query), state.settings)
    return json_answer(page, headers={"TotalCount": str(len(found))})


def contact_emails(state: State, call: Call) -> Answer:
    """GET /v1/contacts/email: whoever is unknown or has no e-mail is left out."""
    asked = [state.contacts.by_id.get(int(number)) for number in call.query["ids"].split(",")]
    pairs = [
        {"contactId": one.id, "email": one.first("email")}
        for one in asked
        if one is not None and one.first("email")
    ]
    return json_answer({"results": listed(pairs, state.settings, is_documented=True)})


def subscribe(state: State, call: Call) -> Answer:
    """A new e-mail is unconfirmed, known channels stay, and an event is raised."""
    body = call.body["contact"]
    external_id, locators = str(body.get("externalCustomerId", "")), locators_of(body["channels"])
    contact, is_new = state.contacts.match_or_create(external_id, locators, by=call.path)
    fresh = [channel for channel in body["channels"] if channel["type"] not in contact.channels]
    state.contacts.update(contact, {**body, "channels": fresh}, is_confirmed=False)
    contact.groups.update(call.body.get("groups", []))
    contact.categories.update(_known(state, call.body.get("subscriptions", [])))
    _raise_subscribed(state, contact, is_new=is_new, form_type=call.body.get("formType", ""))
    answer: dict[str, Any] = {"id": contact.id, "new": is_new}
    if email := contact.first("email"):
        answer["emailStatus"] = state.contacts.addresses.subscribe_status(email)
    return json_answer(answer)


def contact_token(state: State, call: Call) -> Answer:
    """POST /v1/auth/contact/token: what it answers for an unknown contact is not documented."""
    external_id = call.body["externalCustomerId"]
    contact = state.contacts.by_external_id(external_id)
    if contact is None:
        message = f"Contact with externalCustomerId='{external_id}' not found"
        raise RefusedError(404, message, as_json=True)
    return json_answer({"token": f"inbox.{contact.id}.{external_id}"})


def contact_subscriptions(state: State, call: Call) -> Answer:
    """Declared as one object; with several, a list."""
    contact = _by_internal_id(state, call)
    found = [category(key, state.settings) for key in sorted(contact.categories)]
    return json_answer(listed(found, state.settings, is_documented=True))


def put_contact_subscriptions(state: State, call: Call) -> Answer:
    contact = _by_internal_id(state, call)
    contact.categories = _known(state, call.body["subscriptions"])
    return text_answer("Subscriptions have been updated")


def unsubscribe_emails(state: State, call: Call) -> Answer:
    state.contacts.addresses.unsubscribe(call.body["emails"])
    return Answer(status=200)


def resubscribe_emails(state: State, call: Call) -> Answer:
    state.contacts.addresses.resubscribe(call.body["emails"])
    return Answer(status=200)


def _raise_subscribed(
    state: State, contact: StoredContact, *, is_new: bool, form_type: str
) -> None:
    """The event that a workflow of the double opt-in listens to."""
    name = "subscribeFromApi" if is_new else "subscribeUpdateFromApi"
    email = contact.first("email")
    params = {"ContactId": contact.id, **({"EmailAddress": email} if email else {})}
    event_type = f"{name}-{form_type}" if form_type else name
    state.events.record(event_type, params, source="subscribe", key=str(contact.id))


def _known(state: State, keys: list[str]) -> set[str]:
    """No call creates a category; what becomes of an unknown key is not documented."""
    return set(keys) & set(state.settings.categories)


def _delete(state: State, contact: StoredContact, *, is_erased: bool) -> None:
    if is_erased:
        state.orders.anonymise(contact.id)
        state.contacts.erase(contact)
    else:
        contact.is_deleted = True


def _by_internal_id(state: State, call: Call) -> StoredContact:
    contact = state.contacts.by_id.get(int(call.arguments["id"]))
    if contact is None:
        raise RefusedError(404, f"Contact with id='{call.arguments['id']}' not found")
    return contact
