"""What the demo prints at its end: plain tables, and a verdict."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Sequence
from statistics import median

from .received import Received


def width(text: str) -> int:
    """How many columns a text takes on a terminal."""
    return sum(
        0 if unicodedata.combining(sign) else 2 if unicodedata.east_asian_width(sign) in "WF" else 1
        for sign in text
    )


def table(title: str, heads: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    texts = [[str(cell) for cell in row] for row in rows]
    widths = [max(map(width, column)) for column in zip(heads, *texts, strict=True)]
    lines = [_line(heads, widths), "  ".join("-" * size for size in widths)]
    lines += [_line(row, widths) for row in texts] or ["(none)"]
    return "\n".join(["", title, "", *lines])


def _line(cells: Sequence[str], widths: Sequence[int]) -> str:
    padded = (cell + " " * (size - width(cell)) for cell, size in zip(cells, widths, strict=True))
    return "  ".join(padded).rstrip()


def received_tables(received: Received) -> str:
    return "\n".join(
        [
            table(
                "Contacts in eSputnik",
                ("external id", "e-mail", "phone", "name"),
                (
                    (contact.key or "-", contact.email, contact.phone, contact.name)
                    for contact in received.contacts
                ),
            ),
            table(
                "Orders in eSputnik",
                ("order", "statuses", "total", "customer", "items (product x quantity)"),
                (
                    (
                        order.number,
                        " → ".join(order.statuses),
                        f"{order.total:.2f} {order.currency}",
                        order.contact_key or order.email,
                        _items(order.items),
                    )
                    for order in received.orders
                ),
            ),
            table(
                "Cart events in eSputnik",
                ("customer", "cart", "contents (product x quantity)"),
                (
                    (cart.contact_key or cart.email, cart.token[:12], _items(cart.items))
                    for cart in received.carts
                ),
            ),
            table(
                "Visitors in eSputnik",
                ("visitor", "did", "what"),
                ((one.visitor[:12], one.type, one.about) for one in received.behaviour),
            ),
            table("Product feeds of the account", ("feed",), ((one,) for one in received.feeds)),
        ]
    )


def _items(items: dict[str, int]) -> str:
    return ", ".join(f"{key} x {count}" for key, count in items.items()) or "empty"


def latency_table(latencies: Sequence[tuple[str, str, float]]) -> str:
    """:param latencies: kind, key, seconds from the shop's commit to eSputnik's acceptance."""
    rows = [(kind, key, f"{seconds:.2f} s") for kind, key, seconds in latencies]
    text = table("From commit to acceptance", ("kind", "record", "time"), rows)
    if not latencies:
        return text
    seconds = [latency for _, _, latency in latencies]
    return (
        f"{text}\n\n{len(seconds)} records: fastest {min(seconds):.2f} s, "
        f"median {median(seconds):.2f} s, slowest {max(seconds):.2f} s"
    )
