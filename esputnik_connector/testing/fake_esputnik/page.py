"""The page at /: what the fake holds, for people."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from html import escape
from typing import Any

SHOWN = 50
STYLE = """
:root{color-scheme:light dark}
body{font:15px/1.45 system-ui,sans-serif;margin:0 auto;padding:12px;max-width:900px}
h1{font-size:1.3rem;margin:.2rem 0}h2{font-size:1.05rem;margin:1.4rem 0 .4rem}
ul{list-style:none;margin:0;padding:0}
li{border-top:1px solid #8886;padding:6px 0;overflow-wrap:anywhere}
small{opacity:.75;display:block}.bad,.bad small{color:#c62828;opacity:1}
.tag{border:1px solid #8889;border-radius:4px;padding:0 4px;font-size:.8rem}
@media (prefers-color-scheme:dark){.bad,.bad small{color:#ff8a80}}
"""


def page(held: Mapping[str, Any], log: list[dict[str, Any]]) -> str:
    violations = [
        _row(f"{one['method']} {one['path']}", [one["message"]], is_bad=True)
        for one in held["violations"]
    ]
    sections = [
        _section("Violations of the contract", violations),
        _section("Contacts", map(_contact, held["contacts"])),
        _section("Orders", (_order(*pair) for pair in held["orders"].items())),
        _section("Product feeds", (_feed(feed) for feed in held["feeds"])),
        _section("Carts", (_cart(*pair) for pair in held["carts"].items())),
        _section("Events", map(_event, held["events"])),
        *_visitors(held["visits"]),
        _section("Requests", map(_request, log)),
    ]
    return (
        '<!DOCTYPE html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        '<meta http-equiv="refresh" content="3">'
        f"<title>Fake eSputnik</title><style>{STYLE}</style></head><body><main>"
        "<h1>Fake eSputnik</h1><p>Newest first. This page reloads every 3 seconds.</p>"
        f"{''.join(sections)}</main></body></html>"
    )


def _section(title: str, rows: Iterable[str]) -> str:
    newest = list(rows)[::-1]
    more = f"<li><small>and {len(newest) - SHOWN} older</small></li>" if len(newest) > SHOWN else ""
    shown = "".join(newest[:SHOWN]) + more or "<li><small>none</small></li>"
    return f"<section><h2>{escape(title)} ({len(newest)})</h2><ul>{shown}</ul></section>"


def _row(
    title: Any, notes: Iterable[Any], *, tags: Iterable[Any] = (), is_bad: bool = False
) -> str:
    marks = "".join(f' <span class="tag">{escape(str(tag))}</span>' for tag in tags if tag)
    lines = "".join(f"<small>{escape(str(note))}</small>" for note in notes if note)
    kind = ' class="bad"' if is_bad else ""
    return f"<li{kind}><b>{escape(str(title))}</b>{marks}{lines}</li>"


def _contact(contact: Mapping[str, Any]) -> str:
    names = [contact.get("firstName"), contact.get("lastName")]
    channels = ", ".join(f"{one['type']} {one['value']}" for one in contact["channels"])
    more = {
        name: contact[name]
        for name in ("languageCode", "timeZone", "address", "fields", "groups")
        if contact.get(name)
    }
    return _row(
        contact["externalCustomerId"] or f"internal id {contact['id']}",
        [" ".join(str(name) for name in names if name), channels, _pairs(more)],
        tags=[contact["emailState"], *(name for name in ("deleted", "restored") if contact[name])],
    )


def _order(number: str, order: Mapping[str, Any]) -> str:
    body = order["body"]
    items = body.get("items")
    sold = [
        f"{item.get('quantity')} \u00d7 {item.get('externalItemId')} {item.get('name', '')}"
        f" at {item.get('cost', '?')}"
        for item in (items if isinstance(items, list) else [])
        if isinstance(item, dict)
    ]
    history = " → ".join(entry["status"] for entry in order["history"])
    who = ", ".join(
        str(body[name]) for name in ("externalCustomerId", "email", "phone") if name in body
    )
    total = f"{body['totalCost']} {body.get('currency', '')}, {body['date']}"
    tags = [body["status"], "anonymised" if order["anonymised"] else ""]
    return _row(number, [total, who, history, *sold], tags=tags)


def _feed(feed: Mapping[str, Any]) -> str:
    is_default = "default" if feed.get("default") else ""
    return _row(feed["url"], [], tags=[feed["language"], is_default])


def _cart(token: str, cart: Mapping[str, Any]) -> str:
    products = cart["products"] if isinstance(cart["products"], list) else []
    lines = [_pairs(product) for product in products if isinstance(product, dict)]
    closed = f"bought as {cart['closed_by']}" if cart["closed_by"] else ""
    return _row(token, lines or ["empty cart"], tags=[cart["source"], closed])


def _event(event: Mapping[str, Any]) -> str:
    quiet = "" if event["starts_workflow"] else "starts no workflow"
    notes = [f"{event['received_at']} {event['key']}", _pairs(event["params"])]
    no_order = f"no order: {event['no_order']}" if "no_order" in event else ""
    return _row(
        event["type"], [*notes, no_order], tags=[event["source"], quiet], is_bad=bool(no_order)
    )


def _visitors(told: Iterable[Mapping[str, Any]]) -> Iterator[str]:
    """What eSputnik's script was told in each browser: a section per visitor."""
    found: dict[str, list[str]] = {}
    for each in told:
        name, *payload = [*each["call"][1:2], *map(_json, each["call"][2:])] or ["?"]
        found.setdefault(str(each["visitor"]), []).append(_row(name, [each["page"], *payload]))
    for visitor, rows in found.items():
        yield _section(f"Visitor {visitor[:8]}", rows)


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)


def _request(entry: Mapping[str, Any]) -> str:
    status = entry["status"] or "no answer"
    title = f"{entry['method']} {entry['path']}"
    notes = [_pairs(entry["query"]), f"{entry['time']}, connection {entry['connection']}"]
    is_bad = not entry["status"] or entry["status"] >= 400
    return _row(title, notes, tags=[status], is_bad=is_bad)


def _pairs(values: Mapping[str, Any]) -> str:
    return ", ".join(f"{name}: {value}" for name, value in values.items())
