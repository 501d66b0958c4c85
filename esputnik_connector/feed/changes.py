"""Two manifests → what became of each item, counted, with examples. Constant memory."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from enum import Enum
from typing import TYPE_CHECKING, Any

from django.utils.translation import gettext_lazy as _

from esputnik_connector.models.feed_build import FLAWS, Flaw
from esputnik_connector.records import Availability

from .manifest import Line

if TYPE_CHECKING:
    from django.utils.functional import _StrPromise as Lazy

EXAMPLES = 20  # of each kind of change; the merchant decides by these


class Change(str, Enum):
    """What may become of an item. One item may change in several ways at once."""

    REMOVED = "removed"
    ADDED = "added"
    PRICE = "price"
    AVAILABILITY = "availability"
    OTHER = "other"


LABELS: dict[Change, Lazy] = {
    Change.REMOVED: _("removed"),
    Change.ADDED: _("added"),
    Change.PRICE: _("with another price"),
    Change.AVAILABILITY: _("with another availability"),
    Change.OTHER: _("changed otherwise (texts, pictures, attributes)"),
}
AVAILABILITY: dict[Availability, Lazy] = {
    Availability.IN_STOCK: _("in stock"),
    Availability.OUT_OF_STOCK: _("out of stock"),
    Availability.BACKORDER: _("can be ordered, not in stock"),
    Availability.PREORDER: _("can be ordered before it is there"),
}


@dataclass(frozen=True, kw_only=True)
class Example:
    """One item that changed."""

    key: str
    title: str
    before: str = ""
    after: str = ""


@dataclass(kw_only=True)
class Changes:
    """:attr:`counts` is complete, :attr:`examples` is not."""

    counts: dict[Change, int] = field(default_factory=lambda: dict.fromkeys(Change, 0))
    examples: dict[Change, list[Example]] = field(
        default_factory=lambda: {change: [] for change in Change}
    )

    def add(self, change: Change, item: Line, before: str = "", after: str = "") -> None:
        self.counts[change] += 1
        if len(self.examples[change]) < EXAMPLES:
            self.examples[change].append(
                Example(key=item.key, title=item.title, before=before, after=after)
            )

    def as_json(self) -> dict[str, Any]:
        """For a field of the build; :func:`from_json` reads it."""
        return {
            change.value: {
                "count": self.counts[change],
                "examples": [
                    [one.key, one.title, one.before, one.after] for one in self.examples[change]
                ],
            }
            for change in Change
            if self.counts[change]
        }


def change_text(change: Change, example: Example) -> str:
    """What happened to an item, for the merchant to read."""
    before, after = example.before, example.after
    if change is Change.AVAILABILITY:
        before, after = (str(AVAILABILITY[Availability(value)]) for value in (before, after))
    elif change is Change.REMOVED:
        return "; ".join(filter(None, [before, str(FLAWS[Flaw(after)]) if after else ""]))
    return " → ".join(filter(None, [before, after]))


def from_json(stored: dict[str, Any]) -> Changes:
    """The opposite of :meth:`Changes.as_json`."""
    changes = Changes()
    for name, part in stored.items():
        changes.counts[Change(name)] = part["count"]
        changes.examples[Change(name)] = [
            Example(key=key, title=title, before=before, after=after)
            for key, title, before, after in part["examples"]
        ]
    return changes


def compare(
    former: Iterable[Line],
    present: Iterable[Line],
    *,
    hear: Callable[[Line, Line], None] | None = None,
) -> Changes:
    """What became of each item. Both manifests in the order of :attr:`Line.rank`.

    :param hear: told of each item that is in both and is not the same.
    """
    changes = Changes()
    for before, after in _pairs(iter(former), iter(present)):
        if after is None and before is not None:
            changes.add(Change.REMOVED, before, before.price)
        elif before is None and after is not None:
            changes.add(Change.ADDED, after, after=after.price)
        elif before is not None and after is not None and before != after:
            _compare_item(changes, before, after)
            if hear is not None:
                hear(before, after)
    return changes


def _pairs(
    former: Iterator[Line], present: Iterator[Line]
) -> Iterator[tuple[Line | None, Line | None]]:
    """Lines of the same item side by side; ``None`` where one of the two has none."""
    before, after = next(former, None), next(present, None)
    while before is not None and after is not None:
        if before.key == after.key:
            yield before, after
            before, after = next(former, None), next(present, None)
        elif before.rank < after.rank:
            yield before, None
            before = next(former, None)
        else:
            yield None, after
            after = next(present, None)
    while before is not None:
        yield before, None
        before = next(former, None)
    while after is not None:
        yield None, after
        after = next(present, None)


def _compare_item(changes: Changes, before: Line, after: Line) -> None:
    if before.price != after.price:
        changes.add(Change.PRICE, after, before.price, after.price)
    if before.availability != after.availability:
        changes.add(Change.AVAILABILITY, after, before.availability, after.availability)
    if before.digest != after.digest:
        changes.add(Change.OTHER, after)
