"""Does a request keep the contract? Asked of every request, whatever is answered to it."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from . import contract, forms, rules
from .dedupe import dedupe_value
from .events import named_params
from .exchange import Call, RefusedError
from .settings import Settings

API = "/api/"
TRACKER = "/api/v2"
CONTACT, SUBSCRIBE = "/api/v1/contact", "/api/v1/contact/subscribe"
ONE_CONTACT = {("POST", CONTACT), ("PUT", f"{CONTACT}/{{id}}"), ("POST", SUBSCRIBE)}
ANY_DATE = "2020-01-01"


@dataclass(frozen=True, kw_only=True)
class Inspection:
    """A request as the contract sees it.

    :param refusal: why the whole request is refused; None when it is not.
    :param remarks: what breaks the contract without being refused.
    """

    call: Call
    refusal: RefusedError | None = None
    remarks: tuple[str, ...] = ()

    def violations(self) -> Iterator[str]:
        """All that the caller did wrong."""
        if self.refusal is not None and self.refusal.is_violation:
            yield self.refusal.message
        for index, problem in self.call.problems.items():
            yield f"{name_of(records_of(self.call)[index])}: {problem}"
        yield from self.remarks


def inspect(call: Call, settings: Settings) -> Inspection:
    """Pure: nothing is stored, and no scripted failure hides anything."""
    remarks: tuple[str, ...] = ()
    if call.path == TRACKER and call.header("Authorization"):
        remarks = ("the key must not be sent to the tracker",)
    try:
        call = _routed(call)
        _check_address(call, settings)
        if contract.needs_body(call.method, call.template):
            _check_body(call, settings)
        problems = _record_problems(call, settings) if is_batch(call) else {}
    except RefusedError as refusal:
        return Inspection(call=call, refusal=refusal, remarks=remarks)
    call = dataclasses.replace(call, problems=problems)
    return Inspection(call=call, remarks=(*remarks, *_lost_orders(call)))


def request_problems(
    method: str,
    path: str,
    body: Any = None,
    *,
    query: Mapping[str, str] | None = None,
    settings: Settings | None = None,
) -> list[str]:
    """What is wrong with a request that no fake has received.

    :param settings: of the account; without them that of the document.
    """
    headers = {"Content-Type": "application/json"}
    call = Call(method=method, path=path, query=query or {}, headers=headers, body=body)
    return list(inspect(call, settings or Settings()).violations())


def is_batch(call: Call) -> bool:
    """Whether its records are refused one by one."""
    return (call.method, call.template) in contract.ITEM_LISTS


def records_of(call: Call) -> list[Any]:
    """The records of a batch."""
    batch = contract.ITEM_LISTS[call.method, call.template]
    records: list[Any] = call.body[batch.key]
    return records


def name_of(record: Any) -> str:
    """How a person recognises a record of a batch."""
    if not isinstance(record, dict):
        return "record"
    for name in ("externalOrderId", "externalCustomerId", "eventTypeKey"):
        if name in record:
            return f"{name} {record[name]!r}"
    return "record without an external id"


def _routed(call: Call) -> Call:
    found = contract.find_template(call.path)
    if found is None:
        is_ours = call.path.startswith(API)
        raise RefusedError(404, f"No such path: {call.path}", as_json=True, is_violation=is_ours)
    template, arguments = found
    allowed = sorted(contract.methods_of(template))
    if call.method not in allowed:
        headers = {"Allow": ", ".join(allowed)}
        message = f"Method {call.method} is not allowed"
        raise RefusedError(405, message, headers=headers, is_violation=True)
    return dataclasses.replace(call, template=template, arguments=arguments)


def _check_address(call: Call, settings: Settings) -> None:
    endpoint = call.method, call.template
    _refuse(contract.arguments_problem(*endpoint, call.arguments), status=404)
    _refuse(contract.query_problem(*endpoint, call.query))
    if endpoint == ("DELETE", "/api/v1/orders"):
        _refuse(rules.order_deletion_problem(call.query))
    if endpoint == ("GET", "/api/v1/contacts"):
        _refuse(rules.search_problem(call.query, is_strict=settings.search_by_id_alone))


def _check_body(call: Call, settings: Settings) -> None:
    kind, _, rest = call.header("Content-Type").partition(";")
    charset = rest.lower().replace('"', "").strip()
    if kind.strip().lower() != "application/json" or charset not in ("", "charset=utf-8"):
        _refuse("Send application/json; charset=UTF-8", status=415)
    if not call.is_json:
        _refuse("The body is not JSON")
    if (call.method, call.template) in ONE_CONTACT:
        _check_contact(call, settings)
        return
    _refuse(contract.body_problem(call.method, call.template, call.body))
    if call.template.endswith("/event"):
        _refuse(_event_problem(call, call.body))


def _check_contact(call: Call, settings: Settings) -> None:
    _refuse(contract.body_problem(call.method, call.template, _judged(call.body, settings)))
    _refuse(rules.blank_text_problem(call.body))
    _refuse(_names_problem(call.body.get("contact", call.body), settings))


def _judged(body: Any, settings: Settings) -> Any:
    """The schema knows the length of a name and its digits: where an account takes any name, it
    does not see them."""
    return body if settings.bad_names == "refuse" else forms.without_names(body)


def _names_problem(contact: Mapping[str, Any], settings: Settings) -> str:
    return forms.names_problem(contact) if settings.bad_names == "refuse" else ""


def _record_problems(call: Call, settings: Settings) -> dict[int, str]:
    rule = RECORD_RULES[call.template]
    found = (rule(call, record, settings) for record in records_of(call))
    return {index: problem for index, problem in enumerate(found) if problem}


def _contact_problem(call: Call, contact: Any, settings: Settings) -> str:
    problem = contract.schema_problem("Contact", _judged(contact, settings))
    problem = problem or rules.blank_text_problem(contact) or _names_problem(contact, settings)
    if problem:
        return problem
    is_found = contact.get("externalCustomerId") or dedupe_value(contact, call.body)
    return "" if is_found else f"no value to match by {call.body['dedupeOn']}"


def _order_problem(_call: Call, order: Any, settings: Settings) -> str:
    judged = order if settings.additional_info == "text" else rules.with_texts(order)
    problem = contract.schema_problem("Order", judged) or rules.blank_text_problem(order)
    if problem := problem or rules.calendar_problem(order["date"]):
        return problem
    return forms.names_problem(order) if settings.bad_order_names == "refuse" else ""


def _past_event_problem(call: Call, event: Any, _settings: Settings) -> str:
    """Only the date is judged event by event. All else refuses the whole request: the document has
    no status for it."""
    schema = contract.ITEM_LISTS[call.method, call.template].schema
    dated = {**event, "occurred": ANY_DATE} if isinstance(event, dict) else event
    _refuse(contract.schema_problem(schema, dated))
    _refuse(_event_problem(call, event))
    return rules.occurred_status(event)


RECORD_RULES: Mapping[str, Callable[[Call, Any, Settings], str]] = {
    "/api/v1/contacts": _contact_problem,
    "/api/v1/orders": _order_problem,
    **{f"/api/{version}/past_events": _past_event_problem for version in ("v1", "v2", "v3")},
}


def _event_problem(call: Call, event: Mapping[str, Any]) -> str:
    return rules.event_problem(event, named_params(call.version, event["params"]))


def _lost_orders(call: Call) -> Iterator[str]:
    """Orders that are taken as events and become no order, of which no answer tells."""
    events = [call.body] if call.template.endswith("/event") else []
    if call.template.endswith("/past_events") and is_batch(call):
        events = records_of(call)
    for event in events:
        params = named_params(call.version, event["params"]) or {}
        if problem := rules.order_event_problem(str(event["eventTypeKey"]), params):
            yield problem


def _refuse(problem: str, *, status: int = 400) -> None:
    if problem:
        raise RefusedError(status, problem, is_violation=True)
