"""The fake eSputnik of a trial, asked through its page for other processes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import requests

from sandbox_project.received import ReceivedCart, read

KEY = "fake-key"
LAST = 12  # requests that are shown after a failure


@dataclass(frozen=True)
class FakeAccount:
    url: str

    @property
    def api_url(self) -> str:
        return f"{self.url}/api"

    def state(self) -> Any:
        return requests.get(f"{self.url}/_fake/state", timeout=10).json()

    def contact(self, email: str) -> Any:
        """The contact with this e-mail; an empty one if there is none."""
        return next((one for one in self.state()["contacts"] if one.get("email") == email), {})

    def last_words(self, email: str) -> str:
        """What it has of a person and which requests came last, for whoever has to find out why."""
        try:
            log = requests.get(f"{self.url}/_fake/log", timeout=10).json()
            return "\n".join(map(str, [self.contact(email), *log[-LAST:]]))
        except requests.RequestException as error:
            return f"the fake does not answer: {error}"

    def order(self, number: str) -> Any:
        return next(
            (one["body"] for one in rows(self.state()["orders"]) if number in one["body"].values()),
            None,
        )

    def carts(self) -> tuple[ReceivedCart, ...]:
        return read(self.state()).carts

    def violations(self) -> tuple[str, ...]:
        return read(self.state()).violations


def rows(kept: Any) -> list[Any]:
    return list(kept.values()) if isinstance(kept, dict) else list(kept)
