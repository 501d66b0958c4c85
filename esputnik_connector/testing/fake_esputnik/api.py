"""One call of the API from key to answer: the checks every endpoint shares."""

from __future__ import annotations

import base64
import binascii
import dataclasses
import math
from datetime import datetime, timedelta, timezone
from email.utils import format_datetime
from typing import Any

from . import contract
from .endpoints import ENDPOINTS
from .exchange import Answer, Call, RefusedError
from .faults import Plan
from .settings import Settings
from .state import State

TRACKER = "/api/v2"


def respond(state: State, call: Call, plan: Plan) -> Answer:
    """What eSputnik would answer. The caller holds the lock."""
    try:
        if call.path != TRACKER:
            _check_key(state, call)
            _check_rate(state.settings, is_over=state.is_over_rate())
        elif call.header("Authorization"):
            state.violate(call.method, call.path, "the key must not be sent to the tracker")
        call = _routed(call)
        _check_body(state, call, plan)
        return _process(state, call, plan)
    except RefusedError as refusal:
        if refusal.is_violation:
            state.violate(call.method, call.path, refusal.message)
        return refusal.answer()


def is_authorized(settings: Settings, authorization: str) -> bool | None:
    """None without a header. Any user name goes with the key as password."""
    if not authorization:
        return None
    scheme, _, credentials = authorization.partition(" ")
    try:
        text = base64.b64decode(credentials, validate=True).decode()
    except (binascii.Error, UnicodeDecodeError):
        return False
    _, colon, password = text.partition(":")
    return scheme.lower() == "basic" and bool(colon) and password == settings.key


def _check_key(state: State, call: Call) -> None:
    if not is_authorized(state.settings, call.header("Authorization")):
        raise RefusedError(401, "Unauthorized. The API key is wrong or disabled.", as_json=True)


def _check_rate(settings: Settings, *, is_over: bool) -> None:
    if not is_over:
        return
    headers: dict[str, str] = {}
    if settings.retry_after is not None:
        seconds = math.ceil(settings.retry_after)
        headers["Retry-After"] = str(seconds)
        if settings.retry_after_as_date:
            when = datetime.now(timezone.utc) + timedelta(seconds=seconds)
            headers["Retry-After"] = format_datetime(when, usegmt=True)
    raise RefusedError(429, "Too many requests", headers=headers)


def _routed(call: Call) -> Call:
    found = contract.find_template(call.path)
    if found is None:
        raise RefusedError(404, f"No such path: {call.path}", as_json=True)
    template, arguments = found
    allowed = sorted(contract.methods_of(template))
    if call.method not in allowed:
        headers = {"Allow": ", ".join(allowed)}
        raise RefusedError(405, f"Method {call.method} is not allowed", headers=headers)
    if (call.method, template) not in ENDPOINTS:
        raise RefusedError(501, "In the contract, but not in the fake")
    if "id" in arguments and not arguments["id"].isdecimal():
        raise RefusedError(404, f"Contact with id='{arguments['id']}' not found")
    return dataclasses.replace(call, template=template, arguments=arguments)


def _check_body(state: State, call: Call, plan: Plan) -> None:
    if problem := contract.query_problem(call.method, call.template, call.query):
        raise RefusedError(400, problem, is_violation=True)
    if not contract.needs_body(call.method, call.template):
        return
    kind, _, rest = call.header("Content-Type").partition(";")
    charset = rest.lower().replace('"', "").strip()
    if kind.strip().lower() != "application/json" or charset not in ("", "charset=utf-8"):
        raise RefusedError(415, "Send application/json; charset=UTF-8", is_violation=True)
    if not call.is_json:
        raise RefusedError(400, "The body is not JSON", is_violation=True)
    if state.is_duplicate(call.method, call.path, call.raw):
        raise RefusedError(409, "Duplicated request", as_json=True)
    if plan.batch_refusal:
        raise RefusedError(400, plan.batch_refusal)
    if plan.refusals and (call.method, call.template) not in contract.ITEM_LISTS:
        raise RefusedError(400, next(iter(plan.refusals.values())))
    if problem := contract.body_problem(call.method, call.template, call.body):
        raise RefusedError(400, problem, is_violation=True)


def _process(state: State, call: Call, plan: Plan) -> Answer:
    state.settle()
    scripted: dict[str, Any] = {
        "refusals": plan.refusals,
        "refuses_as_object": plan.refuses_as_object or state.settings.failed_as_object,
        "import_error": plan.import_error,
        "import_error_ids": plan.import_error_ids,
    }
    call = dataclasses.replace(call, **scripted)
    answer = ENDPOINTS[call.method, call.template](state, call)
    if call.raw:
        state.remember(call.method, call.path, call.raw)
    return answer
