"""The moving parts as numbers, in Prometheus' text format.

Written by hand: the format is a dozen lines, and a shop that uses no Prometheus needs no library
for it. Names no person: labels are names of connections, feeds and tasks, and our own words.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from esputnik_connector.models import Backfill, OutcomeCount
from esputnik_connector.models.outcome_count import BOUNDS

from .findings import Finding, Level
from .snapshot import TAKEN, Snapshot

FINDING = "esputnik_finding"
CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"

Samples = Iterator["Sample"]


@dataclass(frozen=True)
class Sample:
    """One number. ``suffix`` is what a histogram's own samples add to its name."""

    value: float
    labels: Mapping[str, object] = field(default_factory=dict)
    suffix: str = ""


@dataclass(frozen=True, kw_only=True)
class Metric:
    """A family of samples: what it is called, what it counts, and where the numbers are."""

    name: str
    type: str
    help: str
    samples: Callable[[Snapshot], Samples]

    def lines(self, snapshot: Snapshot) -> Iterator[str]:
        yield f"# HELP {self.name} {self.help}"
        yield f"# TYPE {self.name} {self.type}"
        for sample in self.samples(snapshot):
            yield f"{self.name}{sample.suffix}{_labels(sample.labels)} {float(sample.value)!r}"


def exposition(snapshot: Snapshot, found: Iterable[Finding]) -> str:
    """All metrics of a snapshot, and the findings that are not ok."""
    judged = Metric(
        name=FINDING,
        type="gauge",
        help="1 for each finding of the doctor that is a warning or a problem.",
        samples=lambda _snapshot: _findings(found),
    )
    lines = [line for metric in (*METRICS, judged) for line in metric.lines(snapshot)]
    return "\n".join([*lines, ""])


def _findings(found: Iterable[Finding]) -> Samples:
    for finding in found:
        if finding.level is not Level.OK:
            names = ("code", "connection", "feed", "task", "kind")
            labels = {name: getattr(finding, name) for name in names}
            yield Sample(1, {"level": finding.level.value, **labels})


def _labels(labels: Mapping[str, object]) -> str:
    if not labels:
        return ""
    return "{" + ",".join(f'{name}="{_escaped(value)}"' for name, value in labels.items()) + "}"


def _escaped(value: object) -> str:
    return str(value).replace("\\", r"\\").replace('"', r"\"").replace("\n", r"\n")


def _lanes(snapshot: Snapshot) -> dict[tuple[int, str], dict[str, object]]:
    """(connection, kind) → labels, of all lanes of which anything is known."""
    names = {connection.pk: connection.name for connection in snapshot.connections}
    places = {
        *((lane.connection_id, lane.kind) for lane in snapshot.lanes),
        *((count.connection_id, count.kind) for count in snapshot.counts),
        *snapshot.waiting,
    }
    return {
        place: {"connection": names[place[0]], "kind": place[1]}
        for place in sorted(places)
        if place[0] in names
    }


def _pending(snapshot: Snapshot) -> Samples:
    for place, labels in _lanes(snapshot).items():
        waiting = snapshot.waiting.get(place)
        yield Sample(waiting.unsent if waiting else 0, labels)


def _oldest(snapshot: Snapshot) -> Samples:
    for place, labels in _lanes(snapshot).items():
        waiting = snapshot.waiting.get(place)
        oldest = waiting.oldest if waiting else None
        yield Sample((snapshot.now - oldest).total_seconds() if oldest else 0, labels)


def _dead(snapshot: Snapshot) -> Samples:
    for place, labels in _lanes(snapshot).items():
        waiting = snapshot.waiting.get(place)
        yield Sample(waiting.dead if waiting else 0, labels)


def _records(snapshot: Snapshot) -> Samples:
    lanes = _lanes(snapshot)
    for count in snapshot.counts:
        labels = lanes[count.connection_id, count.kind]
        yield Sample(count.records, {**labels, "outcome": count.outcome, "reason": count.reason})


def _delivery_seconds(snapshot: Snapshot) -> Samples:
    taken: dict[tuple[int, str], list[OutcomeCount]] = {}
    for count in snapshot.counts:
        if count.outcome in TAKEN:
            taken.setdefault((count.connection_id, count.kind), []).append(count)
    lanes = _lanes(snapshot)
    for place, counts in taken.items():
        labels = lanes[place]
        for bound in BOUNDS:
            within = sum(getattr(count, f"within_{bound}") for count in counts)
            yield Sample(within, {**labels, "le": float(bound)}, "_bucket")
        timed = sum(count.timed for count in counts)
        yield Sample(timed, {**labels, "le": "+Inf"}, "_bucket")
        yield Sample(sum(count.seconds for count in counts), labels, "_sum")
        yield Sample(timed, labels, "_count")


def _last_success(snapshot: Snapshot) -> Samples:
    lanes = _lanes(snapshot)
    for place, moment in snapshot.last_success().items():
        yield Sample(moment.timestamp(), lanes[place])


def _resting(snapshot: Snapshot) -> Samples:
    lanes = _lanes(snapshot)
    for lane in snapshot.lanes:
        labels = lanes[lane.connection_id, lane.kind]
        yield Sample(lane.is_paused(snapshot.now), labels)


def _paused(snapshot: Snapshot) -> Samples:
    for connection in snapshot.connections:
        yield Sample(connection.paused_at is not None, {"connection": connection.name})


def _steps_failed(snapshot: Snapshot) -> Samples:
    for connection in snapshot.connections:
        if connection.pk in snapshot.steps:
            yield Sample(len(snapshot.failed_steps(connection)), {"connection": connection.name})


def _feed_age(snapshot: Snapshot) -> Samples:
    for feed in snapshot.feeds:
        since = feed.built_at or feed.created_at
        yield Sample((snapshot.now - since).total_seconds(), {"feed": feed.name})


def _feed_items(snapshot: Snapshot) -> Samples:
    for feed in snapshot.feeds:
        yield Sample(feed.item_count, {"feed": feed.name})


def _of_import(run: Backfill, snapshot: Snapshot) -> dict[str, object]:
    names = {connection.pk: connection.name for connection in snapshot.connections}
    return {"connection": names[run.connection_id], "kind": run.kind}


def _import_done(snapshot: Snapshot) -> Samples:
    for run in snapshot.imports:
        yield Sample(run.done, _of_import(run, snapshot))


def _import_expected(snapshot: Snapshot) -> Samples:
    for run in snapshot.imports:
        yield Sample(run.total, _of_import(run, snapshot))


def _heartbeats(snapshot: Snapshot) -> Samples:
    for name, moment in sorted(snapshot.heartbeats.items()):
        yield Sample(moment.timestamp(), {"task": name})


METRICS = (
    Metric(
        name="esputnik_pending_changes",
        type="gauge",
        help="Changes that wait to be sent or tried again.",
        samples=_pending,
    ),
    Metric(
        name="esputnik_oldest_pending_seconds",
        type="gauge",
        help="Seconds since the oldest of them was noted; 0 when none waits.",
        samples=_oldest,
    ),
    Metric(
        name="esputnik_dead_changes",
        type="gauge",
        help="Changes that were set aside until a person acts.",
        samples=_dead,
    ),
    Metric(
        name="esputnik_records_total",
        type="counter",
        help="What became of records, with the reason.",
        samples=_records,
    ),
    Metric(
        name="esputnik_delivery_seconds",
        type="histogram",
        help="From the commit in the shop until the destination accepted the record.",
        samples=_delivery_seconds,
    ),
    Metric(
        name="esputnik_last_success_timestamp_seconds",
        type="gauge",
        help="When the destination last accepted a record.",
        samples=_last_success,
    ),
    Metric(
        name="esputnik_lane_resting",
        type="gauge",
        help="1 while a lane rests after a failure.",
        samples=_resting,
    ),
    Metric(
        name="esputnik_connection_paused",
        type="gauge",
        help="1 while a connection is paused, as by a refused key.",
        samples=_paused,
    ),
    Metric(
        name="esputnik_storefront_steps_failed",
        type="gauge",
        help="Steps of a storefront that failed when they were last tried.",
        samples=_steps_failed,
    ),
    Metric(
        name="esputnik_feed_age_seconds",
        type="gauge",
        help="Since the last good build of a product feed.",
        samples=_feed_age,
    ),
    Metric(
        name="esputnik_feed_items",
        type="gauge",
        help="Items of a product feed.",
        samples=_feed_items,
    ),
    Metric(
        name="esputnik_import_done_records",
        type="gauge",
        help="Records of an open historical import that are done.",
        samples=_import_done,
    ),
    Metric(
        name="esputnik_import_expected_records",
        type="gauge",
        help="Records that it has in all.",
        samples=_import_expected,
    ),
    Metric(
        name="esputnik_heartbeat_timestamp_seconds",
        type="gauge",
        help="When a periodic task last ran.",
        samples=_heartbeats,
    ),
)
