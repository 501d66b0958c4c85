"""Events: of now, of long ago, and those of the web tracker."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta, timezone
from typing import Any

from . import rules
from .batches import scripted
from .behaviour_rules import KEY_OF, tracking_problem
from .events import named_params, whose
from .exchange import Answer, Call, RefusedError, json_answer, text_answer
from .inspection import records_of
from .settings import Settings
from .shapes import listed
from .state import State

ACCEPTED = "ACCEPTED"
STATUSES = frozenset(
    {ACCEPTED, rules.DATE_MISSING, rules.DATE_UNREADABLE, "EVENT_SEGMENTATION_DISABLED"}
    | {"OCCURRED_TIME_TOO_DEPTH", "OCCURRED_TIME_IN_FUTURE", "SERVER_ERROR"}
)
LATEST_ZONE = timedelta(hours=14)  # the stamp has none: somewhere it may be that late already


def add_event(state: State, call: Call) -> Answer:
    _take_event(state, call, call.body, source="event")
    return Answer(status=200)


def add_past_events(state: State, call: Call) -> Answer:
    """One status per event, in their order. Whatever is not ACCEPTED was not taken."""
    statuses = [_status(call, index, state.settings) for index in range(len(records_of(call)))]
    for event, status in zip(records_of(call), statuses, strict=True):
        if status == ACCEPTED:
            _take_event(state, call, event, source="past_event")
    form = state.settings.past_events_v3_answer if call.version == "v3" else "results"
    if form == "empty":
        return Answer(status=200)
    if form == "text":
        return text_answer("OK")
    successes = statuses.count(ACCEPTED)
    return json_answer(
        {
            "results": listed([{"status": status} for status in statuses], state.settings),
            "successCount": successes,
            "errorCount": len(statuses) - successes,
        }
    )


def track(state: State, call: Call) -> Answer:
    """One event of the web tracker, from whoever knows the siteId."""
    sites = {site_id: host for host, site_id in state.site.domains.items()}
    agent = call.header("User-Agent")
    if problem := tracking_problem(call.body, user_agent=agent, sites=sites):
        state.violate(call.method, call.path, problem)
        raise RefusedError(400, problem, is_violation=True)
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
    payload = call.body.get(KEY_OF.get(name, name), {})
    state.events.record(
        name,
        payload if isinstance(payload, dict) else {name: payload},
        source="tracker",
        key=str(general.get("externalCustomerId", "")),
        general=general,
        tracked_order_id=call.body.get("TrackedOrderId"),
        user_agent=call.header("User-Agent"),
    )
    return Answer(status=state.settings.tracker_status)


def _status(call: Call, index: int, settings: Settings) -> str:
    """eSputnik's word for one past event."""
    event = records_of(call)[index]
    params = named_params(call.version, event["params"]) or {}
    if words := scripted(call.script, {**params, "keyValue": event.get("keyValue")}):
        return words if words in STATUSES else "SERVER_ERROR"
    if problem := call.problems.get(index):
        return problem
    if not settings.is_segmented(str(event["eventTypeKey"])):
        return "EVENT_SEGMENTATION_DISABLED"
    return _date_status(str(event["occurred"]), settings)


def _date_status(occurred: str, settings: Settings) -> str:
    when, now = rules.parse_minute(occurred), datetime.now(timezone.utc).replace(tzinfo=None)
    if when is None:
        return rules.DATE_UNREADABLE
    if when > now + LATEST_ZONE:
        return "OCCURRED_TIME_IN_FUTURE"
    days = settings.past_event_days
    is_too_old = days is not None and when < now - timedelta(days=days)
    return "OCCURRED_TIME_TOO_DEPTH" if is_too_old else ACCEPTED


def _take_event(state: State, call: Call, event: Mapping[str, Any], *, source: str) -> None:
    params = named_params(call.version, event["params"]) or {}
    event_type = str(event["eventTypeKey"])
    no_order = _take_order(state, call, event_type, params)
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
        version=call.version,
        contactId=known.id if known else None,
        **({"no_order": no_order} if no_order else {}),
    )


def _take_order(state: State, call: Call, event_type: str, params: Mapping[str, Any]) -> str:
    """Why an order event becomes no order, which no answer tells; else an empty text."""
    if event_type not in rules.ORDER_EVENTS:
        return ""
    why = rules.order_event_problem(event_type, params)
    if not why and not state.settings.is_segmented(event_type):
        why = f"{event_type} is not switched on for segmentation"
    why = why or state.orders.take_event(event_type, params, by=call.path)
    if why:
        state.orders.ignore(event_type, params, why)
    return why


def _keep_cart(state: State, params: Mapping[str, Any], *, source: str) -> None:
    whose_cart = {name: params[name] for name in ("externalCustomerId", "email") if name in params}
    state.events.keep_cart(
        str(params["recycleStateId"]),
        params["products"],
        source=source,
        currency=params.get("currencyCode"),
        **whose_cart,
    )
