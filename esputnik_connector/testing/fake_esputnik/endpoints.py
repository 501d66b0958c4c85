"""What each endpoint does, once a call has passed the checks of ``api``."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from . import contact_endpoints as contacts
from . import rules
from .batches import failed_field, sift
from .events import named_params, whose
from .exchange import Answer, Call, RefusedError, json_answer, text_answer
from .state import State

Endpoint = Callable[[State, Call], Answer]


def account_info(state: State, _call: Call) -> Answer:
    return json_answer(
        {
            "userEmail": "api-user162065",
            "organisationName": state.settings.organisation,
            "orgId": 4711,
        }
    )


def add_orders(state: State, call: Call) -> Answer:
    accepted, failed = sift(state, call, call.body["orders"], rules.order_problem)
    for order in accepted:
        state.orders.add_or_update(order, by=call.path)
    return json_answer({"id": 0, **failed_field("failedOrders", failed, call)})


def delete_orders(state: State, call: Call) -> Answer:
    if problem := rules.order_deletion_problem(call.query):
        raise RefusedError(400, problem, is_violation=True)
    state.orders.delete(call.query)
    return Answer(status=200)


def add_event(state: State, call: Call) -> Answer:
    _take_event(state, call, call.body, source="event")
    return Answer(status=200)


def add_past_events(state: State, call: Call) -> Answer:
    events = call.body["events"]
    for event in events:
        _params_of(call, event)  # all or nothing: the contract knows no list of refused events
    for event in events:
        _take_event(state, call, event, source="past_event")
    return Answer(status=200)


def _version(call: Call) -> str:
    return call.template.split("/")[2]


def _params_of(call: Call, event: Mapping[str, Any]) -> dict[str, Any]:
    params = named_params(_version(call), event["params"])
    if problem := rules.event_problem(event, params):
        raise RefusedError(400, problem, is_violation=True)
    return params or {}


def _take_event(state: State, call: Call, event: Mapping[str, Any], *, source: str) -> None:
    params, event_type = _params_of(call, event), str(event["eventTypeKey"])
    if event_type in rules.ORDER_EVENTS:
        if problem := rules.order_event_problem(event_type, params):
            state.violate(call.method, call.path, problem)
        else:
            state.orders.take_event(event_type, params, by=call.path)
    if event_type == "cartUpdated":
        _keep_cart(state, params, source=source)
    external_id, locators, internal_id = whose(params)
    known = state.contacts.by_id.get(internal_id) or state.contacts.match(external_id, locators)
    state.events.record(
        event_type,
        params,
        source=source,
        key=str(event.get("keyValue", "")),
        occurred=event.get("occurred"),
        version=_version(call),
        contactId=known.id if known else None,
    )


def _keep_cart(state: State, params: Mapping[str, Any], *, source: str) -> None:
    whose_cart = {name: params[name] for name in ("externalCustomerId", "email") if name in params}
    state.events.keep_cart(
        str(params["recycleStateId"]),
        params["products"],
        source=source,
        currency=params.get("currencyCode"),
        **whose_cart,
    )


def track(state: State, call: Call) -> Answer:
    general = call.body["GeneralInfo"]
    name = general["eventName"]
    if cart := call.body.get("StatusCart"):
        state.events.keep_cart(
            cart["GUID"],
            cart["Products"],
            source="tracker",
            externalCustomerId=general.get("externalCustomerId"),
        )
    if purchase := call.body.get("PurchasedItems"):
        state.events.close_cart(purchase.get("GUID", ""), purchase["OrderNumber"])
    state.events.record(
        name,
        call.body.get(name, {}),
        source="tracker",
        key=str(general.get("externalCustomerId", "")),
        general=general,
        tracked_order_id=call.body.get("TrackedOrderId"),
        user_agent=call.header("User-Agent"),
    )
    return Answer(status=204)


def add_domain(state: State, call: Call) -> Answer:
    return json_answer({"result": "OK", "siteId": state.site.register(call.body["domain"])})


def site_script(state: State, call: Call) -> Answer:
    return text_answer(state.site.snippet(f"http://{call.header('Host')}"))


def add_web_push(state: State, call: Call) -> Answer:
    return json_answer(state.site.add_web_push(call.body))


def add_web_push_domains(state: State, call: Call) -> Answer:
    return json_answer([state.site.add_web_push(domain) for domain in call.body["domains"]])


def web_push_domains(state: State, _call: Call) -> Answer:
    return json_answer(list(state.site.web_push.values()))


def delete_web_push(state: State, call: Call) -> Answer:
    state.site.web_push.pop(call.query.get("domain", ""), None)
    return Answer(status=200)


def web_push_script(state: State, call: Call) -> Answer:
    return json_answer(state.site.web_push_script(call.query["domain"]))


ENDPOINTS: Mapping[tuple[str, str], Endpoint] = {
    ("GET", "/api/v1/account/info"): account_info,
    ("POST", "/api/v1/contact"): contacts.add_contact,
    ("DELETE", "/api/v1/contact"): contacts.delete_by_external_id,
    ("GET", "/api/v1/contact/{id}"): contacts.get_contact,
    ("PUT", "/api/v1/contact/{id}"): contacts.put_contact,
    ("DELETE", "/api/v1/contact/{id}"): contacts.delete_contact,
    ("POST", "/api/v1/contact/subscribe"): contacts.subscribe,
    ("POST", "/api/v1/contacts"): contacts.add_contacts,
    ("GET", "/api/v1/contacts"): contacts.search_contacts,
    ("GET", "/api/v1/importstatus/{sessionId}"): contacts.import_status,
    ("POST", "/api/v1/emails/unsubscribed/add"): contacts.unsubscribe_emails,
    ("POST", "/api/v1/emails/unsubscribed/delete"): contacts.resubscribe_emails,
    ("GET", "/api/v1/addressbooks"): contacts.address_books,
    ("GET", "/api/v1/groups"): contacts.groups,
    ("POST", "/api/v1/orders"): add_orders,
    ("DELETE", "/api/v1/orders"): delete_orders,
    **{("POST", f"/api/{version}/event"): add_event for version in ("v1", "v2", "v3")},
    **{("POST", f"/api/{version}/past_events"): add_past_events for version in ("v1", "v2", "v3")},
    ("POST", "/api/v1/site/domains"): add_domain,
    ("GET", "/api/v1/site/script"): site_script,
    ("POST", "/api/v1/site/webpush/domain"): add_web_push,
    ("POST", "/api/v1/site/webpush/domains"): add_web_push_domains,
    ("GET", "/api/v1/site/webpush/domains"): web_push_domains,
    ("DELETE", "/api/v1/site/webpush/domains"): delete_web_push,
    ("GET", "/api/v1/site/webpush/script"): web_push_script,
    ("POST", "/api/v2"): track,
}
