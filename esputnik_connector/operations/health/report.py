"""The verdict for a monitor: what the doctor would say of the moving parts, as plain values."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from esputnik_connector.records import JSONObject, JSONValue

from .findings import Finding, Level, worst
from .snapshot import Snapshot


def report(snapshot: Snapshot, found: Sequence[Finding]) -> JSONObject:
    """JSON without a text in any language and without a person."""
    waiting = [snapshot.waiting_of(connection) for connection in snapshot.connections]
    oldest = min((each.oldest for each in waiting if each.oldest), default=None)
    beat = snapshot.heartbeats.get("sweep")
    settled = max((count.last_at for count in snapshot.counts), default=None)
    return {
        "verdict": worst(found).value,
        "findings": [_finding(each) for each in found if each.level is not Level.OK],
        "pending": sum(each.unsent for each in waiting),
        "dead": sum(each.dead for each in waiting),
        "oldest_pending_seconds": (snapshot.now - oldest).total_seconds() if oldest else 0,
        "beat_seen": _moment(beat),
        # A worker runs the sweep that beat starts, and settles what it sends.
        "worker_seen": _moment(max(filter(None, (beat, settled)), default=None)),
        "lanes": _lanes(snapshot),
    }


def _finding(finding: Finding) -> JSONObject:
    names = ("code", "area", "connection", "feed", "task", "kind")
    return {
        "level": finding.level.value,
        **{name: getattr(finding, name) for name in names},
        "numbers": dict(finding.numbers),
    }


def _lanes(snapshot: Snapshot) -> list[JSONValue]:
    names = {connection.pk: connection.name for connection in snapshot.connections}
    success = snapshot.last_success()
    resting = {
        (lane.connection_id, lane.kind) for lane in snapshot.lanes if lane.is_paused(snapshot.now)
    }
    places = {*success, *snapshot.waiting, *resting}
    return [
        {
            "connection": names[place[0]],
            "kind": place[1],
            "pending": snapshot.waiting[place].unsent if place in snapshot.waiting else 0,
            "dead": snapshot.waiting[place].dead if place in snapshot.waiting else 0,
            "is_resting": place in resting,
            "last_success": _moment(success.get(place)),
        }
        for place in sorted(places)
    ]


def _moment(moment: datetime | None) -> str | None:
    return moment.isoformat(timespec="seconds") if moment else None
