"""What became of the orders, hour by hour or day by day, as bars; the shop's own as a line.

The picture is made of attributes alone, so that the strictest Content-Security-Policy shows it, and
the same numbers stand in a table for whoever does not see it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone

from django.db.models import Sum
from django.utils.formats import date_format
from django.utils.translation import gettext as _

from esputnik_connector.models import Connection, OutcomeHour
from esputnik_connector.models.outcome_hour import hour_of
from esputnik_connector.models.timezones import local_time
from esputnik_connector.records import Kind, Outcome, Reason

HOURS, DAYS = 24, 30
WIDTH, HEIGHT = 720, 160  # of the picture's own coordinates
ARRIVED, SKIPPED, REFUSED = "arrived", "skipped", "refused"

BAR_OF = {
    Outcome.DELIVERED.value: ARRIVED,
    Outcome.ACCEPTED.value: ARRIVED,
    Outcome.SKIPPED.value: SKIPPED,
    Outcome.REJECTED.value: REFUSED,
}


@dataclass(frozen=True, kw_only=True)
class Bar:
    """One colour of a column, in the picture's coordinates."""

    kind: str
    x: int
    y: int
    width: int
    height: int


@dataclass
class Bucket:
    """An hour or a day."""

    begins: datetime
    label: str
    arrived: int = 0
    skipped: int = 0
    refused: int = 0
    taken: int = 0  # orders that the shop took

    @property
    def settled(self) -> int:
        return self.arrived + self.skipped + self.refused


@dataclass(frozen=True, kw_only=True)
class Chart:
    buckets: Sequence[Bucket]
    is_daily: bool
    has_line: bool
    width: int = WIDTH
    height: int = HEIGHT

    @property
    def top(self) -> int:
        """What the highest bar or point of the line stands for."""
        return max((max(each.settled, each.taken) for each in self.buckets), default=0)

    @property
    def bars(self) -> list[Bar]:
        return [bar for place, each in enumerate(self.buckets) for bar in self._bars(place, each)]

    @property
    def line(self) -> str:
        """Points of the shop's own orders, as SVG writes them; ``""`` for no line."""
        if not self.has_line:
            return ""
        step = self.width / len(self.buckets)
        return " ".join(
            f"{round((place + 0.5) * step)},{self.height - self._height(each.taken)}"
            for place, each in enumerate(self.buckets)
        )

    @property
    def summary(self) -> str:
        """The picture in a sentence."""
        return _(
            "Orders: %(arrived)d arrived, %(skipped)d skipped, %(refused)d refused; the shop took "
            "%(taken)d."
        ) % {
            name: sum(getattr(each, name) for each in self.buckets)
            for name in (ARRIVED, SKIPPED, REFUSED, "taken")
        }

    def _bars(self, place: int, bucket: Bucket) -> Iterable[Bar]:
        step = self.width / len(self.buckets)
        y = self.height
        for kind in (ARRIVED, SKIPPED, REFUSED):
            height = self._height(getattr(bucket, kind))
            y -= height
            if height:
                x, width = round(place * step + step * 0.15), round(step * 0.7)
                yield Bar(kind=kind, x=x, y=y, width=width, height=height)

    def _height(self, count: int) -> int:
        """Never nothing for something: one refused order among thousands is to be seen."""
        if not count:
            return 0
        return max(2, round(count / self.top * (self.height - 10)))


def chart(
    connection: Connection, placed: Iterable[datetime] | None, *, now: datetime, is_daily: bool
) -> Chart:
    """One query.

    :param placed: when orders of the shop were placed; ``None`` where it does not tell.
    """
    buckets = _days(now) if is_daily else _hours(now)
    by_begin = {_instant(each.begins): each for each in buckets}
    first = buckets[0].begins
    for hour, outcome, records in _settled(connection, first):
        bucket = by_begin.get(_instant(_begin_of(hour, is_daily)))
        if bucket is not None and (name := BAR_OF.get(outcome)):
            setattr(bucket, name, getattr(bucket, name) + records)
    for moment in placed or ():
        if moment >= first and (bucket := by_begin.get(_instant(_begin_of(moment, is_daily)))):
            bucket.taken += 1
    return Chart(buckets=buckets, is_daily=is_daily, has_line=placed is not None)


def _settled(connection: Connection, since: datetime) -> Iterable[tuple[datetime, str, int]]:
    """(hour, outcome, records). What was unchanged had arrived before."""
    rows = OutcomeHour.objects.filter(
        connection=connection, kind=Kind.ORDER.value, hour__gte=hour_of(since)
    ).exclude(reason=Reason.UNCHANGED.value)
    return (
        rows.order_by()
        .values_list("hour", "outcome")
        .annotate(all=Sum("records"))
        .values_list("hour", "outcome", "all")
    )


def _begin_of(moment: datetime, is_daily: bool) -> datetime:
    hour = hour_of(local_time(moment))
    return hour.replace(hour=0) if is_daily else hour


def _instant(moment: datetime) -> datetime:
    """The same in UTC: when clocks go back, two hours of a day have one name."""
    return moment.astimezone(timezone.utc) if moment.tzinfo else moment


def _hours(now: datetime) -> list[Bucket]:
    last = _instant(hour_of(local_time(now)))
    begins = [local_time(last - timedelta(hours=back)) for back in reversed(range(HOURS))]
    return [Bucket(begins=each, label=date_format(each, "TIME_FORMAT")) for each in begins]


def _days(now: datetime) -> list[Bucket]:
    last = _begin_of(now, is_daily=True)
    begins = [last - timedelta(days=back) for back in reversed(range(DAYS))]
    return [Bucket(begins=each, label=date_format(each, "SHORT_DATE_FORMAT")) for each in begins]
