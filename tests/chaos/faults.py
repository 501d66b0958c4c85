"""What eSputnik may do to us: a table of scripts for the fake, by name.

A script that this fake cannot play is left out, with a line, so that the table may run ahead.
"""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any, get_args

from esputnik_connector.testing.fake_esputnik import Fault, Settings
from esputnik_connector.testing.fake_esputnik import faults as fake_faults

from .line import Cut

CONTACT, CONTACTS, ORDERS, EVENT = (
    "/api/v1/contact", "/api/v1/contacts", "/api/v1/orders", "/api/v3/event",
)  # fmt: skip
STATUS, PAST_EVENTS = "/api/v1/importstatus", "/api/v3/past_events"
PATHS = (CONTACT, CONTACTS, ORDERS, EVENT, "/api/")
# Where a 200 proves nothing by itself. Of an event it does; and of orders an empty one does.
PROVEN = (CONTACT, CONTACTS, ORDERS)
JSON = {"Content-Type": "application/json;charset=UTF-8"}

Script = Mapping[str, Any]


@dataclass(frozen=True, kw_only=True)
class Trouble:
    """A fault of eSputnik: scripted answers, settings for a while, a line that is cut."""

    name: str
    scripts: Sequence[Script] = ()
    settings: Mapping[str, Any] | None = None
    line: Cut | None = None
    seconds: float = 0.0  # how long the settings or the cut last

    def missing(self) -> str:
        """What of this the fake does not know; empty when it can play it."""
        kinds, names = get_args(fake_faults.Kind), {entry.name for entry in fields(Fault)}
        known = {entry.name for entry in fields(Settings)}
        unknown = [script["kind"] for script in self.scripts if script["kind"] not in kinds]
        unknown += [name for script in self.scripts for name in script if name not in names]
        unknown += [name for name in self.settings or () if name not in known]
        return ", ".join(sorted(set(unknown)))


def _odd(body: Any, **more: Any) -> Script:
    """A 200 that says something else. None that could pass for a yes: that would be a lie which
    nobody can see through."""
    headers = JSON if not isinstance(body, str) or body.startswith("{") else {}
    odd = {"kind": "status", "status": 200, "body": body, "headers": headers}
    return {**odd, "method": "POST", "path": PROVEN, **more}


def _poll(body: Any, **more: Any) -> Script:
    return {"kind": "status", "status": 200, "body": body, "path": STATUS, **more}


def _new(kind: str, **more: Any) -> Script:
    return {"kind": kind, "method": "POST", **more}


# Where path and times are left out they are drawn.
SCRIPTS: Mapping[str, Sequence[Script]] = {
    "503": [{"kind": "status", "status": 503}],
    "500 after taking it": [{"kind": "status", "status": 500, "when": "after"}],
    "502 page of a proxy": [{"kind": "html", "status": 502}],
    "403 page of a firewall": [{"kind": "html"}],
    "408": [{"kind": "status", "status": 408}],
    "429": [{"kind": "status", "status": 429}],
    "429 with Retry-After": [{"kind": "status", "status": 429, "headers": {"Retry-After": "2"}}],
    "429 with Retry-After of a year": [
        {"kind": "status", "status": 429, "headers": {"Retry-After": "31536000"}}
    ],
    "400 without a reason": [{"kind": "status", "status": 400}],
    "reset before": [{"kind": "reset"}],
    "reset after taking it": [{"kind": "reset", "when": "after"}],
    "closed after taking it": [{"kind": "close", "when": "after"}],
    "slow before": [{"kind": "delay", "seconds": 3.0}],
    "slow after": [{"kind": "delay", "seconds": 3.5, "when": "after"}],
    "a bit slow": [{"kind": "delay", "seconds": 1.0}],
    "dripping": [{"kind": "drip", "seconds": 0.15}],
    "dripping headers": [{"kind": "drip", "seconds": 0.1, "part": "headers"}],
    "half a body": [{"kind": "truncate"}],
    "empty 200 after taking it": [_new("empty", when="after", path=(CONTACT, CONTACTS))],
    "empty 200 instead": [_odd("", path=(CONTACT, CONTACTS))],
    "text OK instead": [_odd("OK")],
    "maintenance instead": [_odd({"result": "maintenance"})],
    "maintenance after taking it": [_odd({"result": "maintenance"}, when="after")],
    "a page with 200": [{"kind": "html", "status": 200, "method": "POST", "path": PROVEN}],
    "half an emoji in a refusal": [
        {"kind": "status", "status": 400, "body": '{"message": "\\ud83d"}', "headers": JSON}
    ],
    "half an emoji in a 503": [
        {"kind": "status", "status": 503, "body": "\\ud83d", "headers": JSON}
    ],
    "NUL in a 401": [
        {"kind": "status", "status": 401, "body": '{"message": "a\\u0000b"}', "headers": JSON}
    ],
    "importstatus 500": [{"kind": "status", "status": 500, "path": STATUS}],
    "importstatus 404": [{"kind": "status", "status": 404, "path": STATUS}],
    "importstatus finished with nobody": [_poll({"status": "FINISHED", "mapping": []})],
    "importstatus without a status": [_poll({})],
    "an import fails": [{"kind": "import_error", "path": CONTACTS}],
    # Its own answer, changed: what could pass for a yes must be one.
    "a word instead of a list": [_new("patch", path=ORDERS, body={"failedOrders": "all of them"})],
    "half an emoji in its own answer": [_new("half_emoji")],
    "NUL in its own answer": [_new("nul")],
    "long ids in its own answer": [_new("long_ids")],
    "its words of a duplicate": [_new("duplicated_words")],
    "silent after taking it": [_new("silent")],
    "an import skips people": [_new("import_skip", path=CONTACTS)],
    "an import without ids": [_new("import_no_id", path=CONTACTS)],
    "an import never ends": [_new("import_stuck", path=CONTACTS)],
    "past events without results": [_new("patch", path=PAST_EVENTS, body={"results": None})],
    "past events with a result too few": [
        _new("patch", path=PAST_EVENTS, body={"results": [{"status": "ACCEPTED"}]})
    ],
    "past events that all failed, by their count": [
        _new("patch", path=PAST_EVENTS, body={"successCount": 0})
    ],
    "an import ends late": [_new("import_late", path=CONTACTS, seconds=12.0)],
}

NEVER = 100_000.0  # seconds; longer than any storm
TARGETED = ("refuse", "refuse_nameless", "refuse_batch")  # these need somebody's id
LINES: Mapping[str, tuple[Cut, float]] = {
    "connections refused": ("refused", 4.0),
    "connections into nothing": ("swallowed", 5.0),
}

ACCOUNTS: Mapping[str, tuple[Mapping[str, Any], float]] = {
    "401 for a while": ({"key": "another key"}, 4.0),
    "three requests a second": ({"rate": 3}, 6.0),
    "three a second, with Retry-After": ({"rate": 3, "retry_after": 1.0}, 6.0),
    "imports never end": ({"import_seconds": NEVER}, 15.0),
    "imports end late": ({"import_seconds": 9.0}, 12.0),
    "no guard against duplicates": ({"duplicate_seconds": 0.0}, 10.0),
    "a guard against duplicates everywhere": ({"duplicate_scope": "everywhere"}, 10.0),
    "lists of one as objects": ({"lists_of_one": "objects"}, 10.0),
    "three a second, until a date": (
        {"rate": 3, "retry_after": 2.0, "retry_after_as_date": True},
        6.0,
    ),
    "imports are worked off backwards": ({"import_order": "reversed"}, 15.0),
    "past events without a word": ({"past_events_v3_answer": "empty"}, 10.0),
    "past events with an OK": ({"past_events_v3_answer": "text"}, 10.0),
    "segmentation is off": ({"segmentation": False}, 10.0),
    "imports search again": ({"import_searches_again": True}, 12.0),
}


def deck(draw: random.Random) -> list[Trouble]:
    """Every trouble of the table once, in a drawn order, each with a drawn path and number."""
    cards = [_scripted(name, scripts, draw) for name, scripts in SCRIPTS.items()]
    cards += [
        Trouble(name=name, settings=dict(settings), seconds=seconds)
        for name, (settings, seconds) in ACCOUNTS.items()
    ]
    cards += [
        Trouble(name=name, line=cut, seconds=seconds) for name, (cut, seconds) in LINES.items()
    ]
    cards += [
        Trouble(name=f"{kind} somebody", scripts=[_targeted(kind, draw)]) for kind in TARGETED
    ]
    draw.shuffle(cards)
    return cards


def _scripted(name: str, scripts: Sequence[Script], draw: random.Random) -> Trouble:
    """Aimed at one of the paths that a script allows, so many times."""
    times = draw.randint(1, 4)
    aimed = [
        {"times": times, **script, "path": _path(script.get("path", PATHS), draw)}
        for script in scripts
    ]
    return Trouble(name=name, scripts=aimed)


def _path(allowed: str | Sequence[str], draw: random.Random) -> str:
    return allowed if isinstance(allowed, str) else draw.choice(allowed)


def _targeted(kind: str, draw: random.Random) -> Script:
    """``dice`` is replaced by the id of a record when the moment has come."""
    return {"kind": kind, "times": draw.randint(1, 3), "text": "refused by chaos",
            "ids": [f"dice:{draw.random():.6f}"]}  # fmt: skip
