"""What the parts of the contract of a shop's adapter share; see
:mod:`esputnik_connector.testing.shop_contract`."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from django.db import connection as database
from django.db import transaction
from django.test.utils import CaptureQueriesContext

from esputnik_connector import identity, registry
from esputnik_connector.models import Connection, OutboxMessage
from esputnik_connector.pipeline.capture import capture
from esputnik_connector.records import Kind
from esputnik_connector.shops import reading
from esputnik_connector.shops.base import ShopAdapter

FEW, MANY = 2, 7  # records of which the queries are compared
PAGE = 3  # keys of a walk at a time, so that MANY takes several pages
UNKNOWN = "no-such-key"


class RolledBack(Exception):
    """Ends a transaction of the contract's own."""


class Contract:
    """What all parts of the contract share."""

    @property
    def shop(self) -> ShopAdapter:
        """The adapter under test: the one that the setting ``SHOP`` names."""
        return registry.shop()

    def make(self, kind: Kind) -> str:
        """Make a record as the shop does, one that can be sent. :returns: its key."""
        raise NotImplementedError

    def change(self, kind: Kind, key: str) -> None:
        """Change something that is sent, by ``save()``, as the shop does."""
        raise NotImplementedError

    def delete(self, kind: Kind, key: str) -> None:
        """Delete the record, as the shop does."""
        raise NotImplementedError

    def several(self, kind: Kind, number: int) -> list[str]:
        return [self.make(kind) for _ in range(number)]

    def assert_read_in_bulk(self, kind: Kind, read: Callable[[Sequence[str]], Any]) -> None:
        few, many = self.several(kind, FEW), self.several(kind, MANY)
        read(few)  # what a process reads once: sites, content types
        counts = [_queries(read, keys) for keys in (few, many)]
        assert counts[0] == counts[1], (
            f"{FEW} {kind.value}s cost {counts[0]} queries, {MANY} cost {counts[1]}: read them "
            "in bulk"
        )
        assert _queries(read, []) == 0, f"to read no {kind.value} costs queries"

    def assert_missing_is_left_out(
        self, kind: Kind, read: Callable[[Sequence[str]], Mapping[str, Any]]
    ) -> None:
        kept, deleted = self.several(kind, 2)
        self.delete(kind, deleted)
        found = read([kept, deleted, UNKNOWN, kept])
        assert set(found) == {kept}, f"of {kind.value}s only {kept!r} is there, not {set(found)}"

    def assert_canonical(self, kind: Kind) -> None:
        """Nothing that the connector would have to change or refuse."""
        keys = self.several(kind, FEW)
        found, refused = reading.records(self.shop, kind, keys)
        assert not refused, "; ".join(map(str, refused.values()))
        assert set(found) == set(keys), f"of {keys} only {set(found)} can be read"
        for record in found.values():
            for name in ("email", "phone"):
                value = getattr(record, name, "")
                usable = identity.email(value) if name == "email" else identity.phone(value)
                assert value == usable, f"{kind.value} {record.key}: {name} is not canonical"

    def assert_noted(self, kind: Kind) -> None:
        """Making, changing and deleting is noted in its own transaction, or not at all."""
        changed, deleted, kept = self.several(kind, 3)  # before there is anybody to note it for
        gone = Kind.ERASURE if kind is Kind.CONTACT else kind
        with _connected():
            made = self.make(kind)
            assert _is_noted(kind, made), f"a new {kind.value} is not reported"
            self.change(kind, changed)
            assert _is_noted(kind, changed), f"a changed {kind.value} is not reported"
            self.delete(kind, deleted)
            assert _is_noted(gone, deleted), f"a deleted {kind.value} is not reported"
            try:
                with transaction.atomic():
                    self.change(kind, kept)
                    raise RolledBack
            except RolledBack:
                pass
            assert not _is_noted(kind, kept), (
                f"a {kind.value} whose change was rolled back is reported: report in the "
                "transaction of the change, with its `using`"
            )


def _queries(read: Callable[[Sequence[str]], Any], keys: Sequence[str]) -> int:
    return count_queries(lambda: read(keys))


def count_queries(act: Callable[[], object]) -> int:
    """How many queries that costs."""
    with CaptureQueriesContext(database) as captured:
        act()
    return len(captured)


def _is_noted(kind: Kind, key: str) -> bool:
    return OutboxMessage.objects.filter(kind=kind.value, key=key).exists()


@contextmanager
def _connected() -> Iterator[None]:
    """A connection for which changes are noted; it is gone with the test's transaction."""
    Connection.objects.create(name="shop-contract", api_key="not sent")
    capture.forget_connections()
    try:
        yield
    finally:
        capture.forget_connections()
