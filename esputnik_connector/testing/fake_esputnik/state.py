"""All that the fake holds, behind one lock."""

from __future__ import annotations

import copy
import time
from collections import deque
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from threading import RLock
from typing import Any

from .contacts import ContactBook
from .events import EventStream
from .faults import FaultScript
from .imports import Imports
from .orders import OrderBook
from .settings import Settings
from .site import Site


@dataclass(frozen=True, kw_only=True)
class Violation:
    """A request that breaks the contract."""

    method: str
    path: str
    message: str


@dataclass(kw_only=True)
class LogEntry:
    """One request. ``authorized`` is None without a key sent, ``status`` without an answer."""

    number: int
    monotonic: float
    time: str
    connection: int
    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    authorized: bool | None
    body: Any
    status: int | None = None
    violations: list[str] = field(default_factory=list)


class State:
    def __init__(self, settings: Settings) -> None:
        self.lock = RLock()
        self._initial = settings
        self.generation = 0
        self.reset()

    def reset(self) -> None:
        """As new: no data, no log, no faults, the settings of the start."""
        with self.lock:
            self.generation += 1
            self.settings = self._initial
            self.contacts = ContactBook(self._settings_now)
            self.events = EventStream()
            self.orders = OrderBook(self.contacts, self.events)
            self.imports = Imports(self.contacts, self.events, self._settings_now)
            self.site = Site()
            self.faults = FaultScript()
            self.violations: list[Violation] = []
            self.log: list[LogEntry] = []
            self._recent: deque[float] = deque()
            self._accepted: dict[tuple[str, str, bytes], float] = {}

    def _settings_now(self) -> Settings:
        return self.settings

    def violate(self, method: str, path: str, message: str) -> None:
        self.violations.append(Violation(method=method, path=path, message=message))

    def is_over_rate(self) -> bool:
        """Counts this request when it is let through."""
        now = time.monotonic()
        while self._recent and now - self._recent[0] >= 1:
            self._recent.popleft()
        if self.settings.rate and len(self._recent) >= self.settings.rate:
            return True
        self._recent.append(now)
        return False

    def is_duplicate(self, method: str, path: str, raw: bytes) -> bool:
        """Whether the same was taken a moment ago."""
        accepted = self._accepted.get((method, path, raw))
        window = self.settings.duplicate_seconds
        return accepted is not None and time.monotonic() - accepted < window

    def remember(self, method: str, path: str, raw: bytes) -> None:
        if self.settings.duplicate_seconds:
            self._accepted[method, path, raw] = time.monotonic()

    def settle(self) -> None:
        """What goes on after its answer is done as far as it is due."""
        self.imports.settle()
        self.orders.settle()

    def view(self, name: str) -> Any:
        """A copy of one section of the snapshot."""
        with self.lock:
            self.settle()
            return copy.deepcopy(self._sections()[name]())

    def snapshot(self) -> dict[str, Any]:
        """Everything but the log, as JSON."""
        with self.lock:
            self.settle()
            return {name: copy.deepcopy(held()) for name, held in self._sections().items()}

    def _sections(self) -> dict[str, Callable[[], Any]]:
        addresses = self.contacts.addresses
        return {
            "contacts": lambda: [one.seen(addresses) for one in self.contacts.by_id.values()],
            "addresses": lambda: addresses.states,
            "mailable": self.contacts.mailable,
            "not_stored": lambda: self.contacts.not_stored,
            "contact_writes": lambda: self.contacts.writes,
            "orders": lambda: self.orders.by_number,
            "ignored_orders": lambda: self.orders.ignored,
            "events": lambda: self.events.stored,
            "carts": lambda: self.events.carts,
            "sessions": lambda: [
                {"sessionId": one.id, **one.wire(self.settings)}
                for one in self.imports.sessions.values()
            ],
            "domains": lambda: self.site.domains,
            "web_push": lambda: self.site.web_push,
            "feeds": lambda: self.site.feeds,
            "visits": lambda: self.site.visits.told,
            "recreated_after_erase": lambda: self.contacts.recreated_after_erase,
            "violations": lambda: [asdict(violation) for violation in self.violations],
            "faults": lambda: self.faults.pending(),
        }
