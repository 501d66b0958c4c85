"""The control API under /_fake/: the same levers as in Python, for another process. No key."""

from __future__ import annotations

import dataclasses
from typing import Any

from .exchange import Answer, json_answer
from .faults import Fault
from .state import State

PREFIX = "/_fake/"


def control(state: State, method: str, path: str, body: Any) -> Answer:
    """The caller holds the lock."""
    command = f"{method} {path.removeprefix(PREFIX).strip('/')}"
    try:
        payload = _obey(state, command, body)
    except (ValueError, TypeError) as error:
        return json_answer({"error": str(error)}, status=400)
    if payload is None:
        return json_answer({"error": f"No such control: {command}"}, status=404)
    return json_answer(payload)


def log_entries(state: State) -> list[dict[str, Any]]:
    return [dataclasses.asdict(entry) for entry in state.log]


def _obey(state: State, command: str, body: Any) -> Any:
    if command == "GET state":
        return state.snapshot()
    if command == "GET log":
        return log_entries(state)
    if command == "GET settings":
        return dataclasses.asdict(state.settings)
    if command == "POST settings":
        if not isinstance(body, dict):
            raise ValueError("Send an object with the settings to change.")
        state.settings = state.settings.patched(body)
        return dataclasses.asdict(state.settings)
    if command == "POST faults":
        faults = [Fault.from_json(entry) for entry in (body if isinstance(body, list) else [body])]
        for fault in faults:
            state.faults.add(fault)
        return state.faults.pending()
    if command == "DELETE faults":
        state.faults.clear()
        return []
    if command == "POST addresses":
        if not isinstance(body, dict):
            raise ValueError("Send an object: the address and its state.")
        for email, address_state in body.items():
            state.contacts.addresses.put(email, address_state)
        return state.contacts.addresses.states
    if command == "POST reset":
        state.reset()
        return {"reset": True}
    return None
