"""All that the fake holds, behind one lock."""

from __future__ import annotations

import copy
import time
from collections import deque
from collections.abc import Callable
from dataclasses import asdict, dataclass
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
            self.contacts = ContactBook()
            self.events = EventStream()
            self.orders = OrderBook(self.contacts, self.events)
            self.imports = Imports(self.contacts, self.events)
            self.site = Site()
            self.faults = FaultScript()
            self.violations: list[Violation] = []
            self.log: list[LogEntry] = []
            self.unsubscribed: set[str] = set()
            self._recent: deque[float] = deque()
            self._accepted: dict[tuple[str, str, bytes], float] = {}

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
        accepted = self._accepted.get((method, path, raw))
        window = self.settings.duplicate_seconds
        return accepted is not None and time.monotonic() - accepted < window

    def remember(self, method: str, path: str, raw: bytes) -> None:
        if self.settings.duplicate_seconds:
            self._accepted[method, path, raw] = time.monotonic()

    def settle(self) -> None:
        self.imports.settle(self.settings)

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
        return {
            "contacts": lambda: [one.seen() for one in self.contacts.by_id.values()],
            "orders": lambda: self.orders.by_number,
            "events": lambda: self.events.stored,
            "carts": lambda: self.events.carts,
            "sessions": lambda: [one.wire() for one in self.imports.sessions.values()],
            "domains": lambda: self.site.domains,
            "web_push": lambda: self.site.web_push,
            "unsubscribed": lambda: sorted(self.unsubscribed),
            "recreated_after_erase": lambda: self.contacts.recreated_after_erase,
            "violations": lambda: [asdict(violation) for violation in self.violations],
            "faults": lambda: self.faults.pending(),
        }
