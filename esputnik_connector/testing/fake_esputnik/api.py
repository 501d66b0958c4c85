"""One call of the API from key to answer: the checks every endpoint shares."""

from __future__ import annotations

import base64
import binascii
import dataclasses
import math
from datetime import datetime, timedelta, timezone
from email.utils import format_datetime

from .endpoints import ENDPOINTS
from .exchange import Answer, Call, RefusedError
from .faults import Plan
from .inspection import ONE_CONTACT, TRACKER, Inspection, is_batch
from .settings import Settings
from .state import State


def respond(state: State, inspection: Inspection, plan: Plan) -> Answer:
    """What eSputnik would answer. The caller holds the lock."""
    try:
        return _respond(state, inspection, plan)
    except RefusedError as refusal:
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


def _respond(state: State, inspection: Inspection, plan: Plan) -> Answer:
    call = inspection.call
    if call.path != TRACKER:
        _check_key(state, call)
        _check_rate(state.settings, is_over=state.is_over_rate())
    if inspection.refusal is not None:
        raise inspection.refusal
    endpoint = ENDPOINTS.get((call.method, call.template))
    if endpoint is None:
        raise RefusedError(501, "In the contract, but not in the fake")
    is_guarded = call.raw and _is_guarded(state.settings, call)
    if is_guarded and state.is_duplicate(call.method, call.path, call.raw):
        raise RefusedError(409, "Duplicated request", as_json=True)
    if plan.batch_refusal:
        raise RefusedError(400, plan.batch_refusal)
    if plan.script.refusals and not is_batch(call):
        raise RefusedError(400, next(iter(plan.script.refusals.values())))
    state.settle()
    answer = endpoint(state, dataclasses.replace(call, script=plan.script))
    if is_guarded:
        state.remember(call.method, call.path, call.raw)
    return answer


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


def _is_guarded(settings: Settings, call: Call) -> bool:
    """The calls of one contact declare a 409; connectors met it elsewhere too."""
    is_declared = (call.method, call.template) in ONE_CONTACT
    return is_declared or settings.duplicate_scope == "everywhere"
