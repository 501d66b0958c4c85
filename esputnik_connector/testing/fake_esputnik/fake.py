"""The fake as tests hold it."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from types import TracebackType
from typing import Any, TypeVar

from . import contract
from .faults import Fault
from .server import FakeServer
from .settings import Settings
from .state import LogEntry, State, Violation

Found = TypeVar("Found")


class BrokenContractError(AssertionError):
    """Requests that eSputnik would refuse, or silently lose."""


class FakeEsputnik:
    """An eSputnik on this machine. Every view is a copy, taken under the server's lock.

    :param is_strict: leaving its ``with`` block fails when a request broke the contract.
    """

    def __init__(
        self,
        *,
        host: str = "127.0.0.1",
        port: int = 0,
        key: str = "fake-key",
        settings: Settings | None = None,
        is_strict: bool = True,
    ) -> None:
        contract.jsonschema()  # here, where a person can still be told; not in a request
        self._host, self._port = host, port
        self._is_strict = is_strict
        self._state = State(replace(settings or Settings(), key=key))
        self._server: FakeServer | None = None
        self._thread: threading.Thread | None = None

    def start(self) -> FakeEsputnik:
        """Serve in a thread; with port 0 on a free port."""
        if self._server is None:
            self._server = FakeServer((self._host, self._port), self._state)
            self._port = int(self._server.server_address[1])
            self._thread = threading.Thread(
                target=self._server.serve_forever, args=(0.05,), name="fake-esputnik", daemon=True
            )
            self._thread.start()
        return self

    def stop(self) -> None:
        """End all connections. The data stays readable; start() serves again, on the same port."""
        server, thread = self._server, self._thread
        self._server = self._thread = None
        if server is None or thread is None:
            return
        server.shutdown()
        server.server_close()
        server.hang_up()
        thread.join()

    def __enter__(self) -> FakeEsputnik:
        return self.start()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """:raises BrokenContractError: a request broke the contract and nobody said it would."""
        self.stop()
        if kind is None and self._is_strict:
            self.assert_contract_kept()

    @property
    def url(self) -> str:
        return f"http://{self._host}:{self._port}"

    @property
    def api_url(self) -> str:
        return f"{self.url}/api"

    @property
    def tracker_url(self) -> str:
        return f"{self.url}/api/v2"

    @property
    def key(self) -> str:
        return self.settings.key

    @property
    def settings(self) -> Settings:
        with self._state.lock:
            return self._state.settings

    def configure(self, **changes: Any) -> None:
        """Change settings by name, until the next reset(); ``key=`` revokes the old key."""
        with self._state.lock:
            self._state.settings = self._state.settings.patched(changes)

    def script(self, *faults: Fault) -> None:
        """Add failures to those still pending."""
        with self._state.lock:
            for fault in faults:
                self._state.faults.add(fault)

    @property
    def faults(self) -> list[dict[str, Any]]:
        """Failures that are still to come."""
        pending: list[dict[str, Any]] = self._state.view("faults")
        return pending

    def clear_faults(self) -> None:
        with self._state.lock:
            self._state.faults.clear()

    def put_address(self, email: str, state: str) -> None:
        """The recipient or a workflow decides: confirmed, unconfirmed, unsubscribed, complained or
        blacklisted.

        :raises ValueError: there is no such state.
        """
        with self._state.lock:
            self._state.contacts.addresses.put(email, state)

    def reset(self) -> None:
        """No data, no log, no faults, the settings of the start."""
        self._state.reset()

    @property
    def state(self) -> dict[str, Any]:
        """Everything but the log, as GET /_fake/state gives it."""
        return self._state.snapshot()

    @property
    def contacts(self) -> dict[str, dict[str, Any]]:
        """By external id; those without one are in ``all_contacts``."""
        known = {one["externalCustomerId"]: one for one in self.all_contacts}
        return {external_id: one for external_id, one in known.items() if external_id}

    @property
    def all_contacts(self) -> list[dict[str, Any]]:
        contacts: list[dict[str, Any]] = self._state.view("contacts")
        return contacts

    def contact(self, external_id: str) -> dict[str, Any] | None:
        return self.contacts.get(external_id)

    @property
    def orders(self) -> dict[str, dict[str, Any]]:
        """By externalOrderId: body, history, contactId, orderId, source, anonymised."""
        orders: dict[str, dict[str, Any]] = self._state.view("orders")
        return orders

    def events(self, type: str | None = None, *, source: str = "") -> list[dict[str, Any]]:  # noqa: A002
        """``source``: event, past_event, orders, import, subscribe or tracker."""
        return [
            event
            for event in self._state.view("events")
            if type in (None, event["type"]) and source in ("", event["source"])
        ]

    @property
    def carts(self) -> dict[str, dict[str, Any]]:
        """The last state by recycleStateId or GUID, the latest written last."""
        carts: dict[str, dict[str, Any]] = self._state.view("carts")
        return carts

    @property
    def recreated_after_erase(self) -> list[dict[str, Any]]:
        recreated: list[dict[str, Any]] = self._state.view("recreated_after_erase")
        return recreated

    @property
    def addresses(self) -> dict[str, str]:
        """The state of each e-mail address, also of those that no contact holds."""
        states: dict[str, str] = self._state.view("addresses")
        return states

    @property
    def mailable(self) -> list[str]:
        """The e-mails that a bulk campaign would reach."""
        emails: list[str] = self._state.view("mailable")
        return emails

    @property
    def not_stored(self) -> list[dict[str, Any]]:
        """Fields of contacts that were silently left out: contactId, field, why."""
        left_out: list[dict[str, Any]] = self._state.view("not_stored")
        return left_out

    @property
    def ignored_orders(self) -> list[dict[str, str]]:
        """Order events that became no order: externalOrderId, type, why."""
        ignored: list[dict[str, str]] = self._state.view("ignored_orders")
        return ignored

    @property
    def contact_writes(self) -> list[dict[str, Any]]:
        """Each state that a contact was brought into, in the order in which it was stored:
        contactId, externalCustomerId, firstName, lastName, email, and the session of an upload."""
        writes: list[dict[str, Any]] = self._state.view("contact_writes")
        return writes

    @property
    def feeds(self) -> list[dict[str, Any]]:
        """The product feeds of the account: url, language, default."""
        feeds: list[dict[str, Any]] = self._state.view("feeds")
        return feeds

    @property
    def visits(self) -> list[dict[str, Any]]:
        """What eSputnik's script was told in browsers: visitor, page, call, at (ms)."""
        told: list[dict[str, Any]] = self._state.view("visits")
        return told

    @property
    def violations(self) -> list[Violation]:
        """Requests that broke the contract."""
        with self._state.lock:
            return list(self._state.violations)

    def take_violations(self) -> list[Violation]:
        """The violations so far, which are expected: they no longer fail the test."""
        with self._state.lock:
            taken, self._state.violations = self._state.violations, []
            return taken

    def assert_contract_kept(self) -> None:
        """:raises BrokenContractError: some request broke the contract."""
        if broken := self.violations:
            lines = [f"{one.method} {one.path}: {one.message}" for one in broken]
            raise BrokenContractError("\n".join(["Requests broke the contract:", *lines]))

    @property
    def log(self) -> list[LogEntry]:
        """Every API request; their bodies are shared with the server, so only read them."""
        with self._state.lock:
            return [replace(entry) for entry in self._state.log]

    def requests(self, path: str = "", method: str = "") -> list[LogEntry]:
        """Logged requests whose path starts with ``path``."""
        return [
            entry
            for entry in self.log
            if entry.path.startswith(path) and method.upper() in ("", entry.method)
        ]

    def wait_for(self, predicate: Callable[[], Found], timeout: float = 5.0) -> Found:
        """The first true answer of ``predicate``; TimeoutError when there is none in time."""
        deadline = time.monotonic() + timeout
        while not (found := predicate()):
            if time.monotonic() >= deadline:
                raise TimeoutError(f"Not within {timeout} s. Held: {_counts(self.state)}")
            time.sleep(0.01)
        return found


def _counts(state: Mapping[str, Any]) -> str:
    return ", ".join(f"{len(held)} {name}" for name, held in state.items())
