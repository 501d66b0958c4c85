"""What is due in one lane, and which of it goes next."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import datetime

from django.db.models import Count, F, QuerySet

from esputnik_connector.models import Connection, OutboxMessage, SyncState
from esputnik_connector.records import Kind

from .pace import backoff, debounce
from .settle.outbox_rows import Rows
from .settle.uploads import UploadPoller

# Read for one batch, at the most: some 20 MB, and as many parameters of one statement as SQLite
# takes. A record that was noted a hundred times in a row still goes with two hundred others.
MOST_ROWS = 20_000


class LaneQueue:
    """The rows of one lane, as one worker reads them."""

    def __init__(
        self,
        connection: Connection,
        kind: Kind,
        uploads: UploadPoller,
        clock: Callable[[], datetime],
    ) -> None:
        self.connection = connection
        self.kind = kind
        self._uploads = uploads
        self._clock = clock

    def due(self) -> QuerySet[OutboxMessage]:
        """Rows to send now; what is in an upload waits until that is over, so that an older state
        cannot arrive after a newer one."""
        # A deletion waits for the upload of its customer, which would bring them back.
        of_upload = Kind.CONTACT if self.kind is Kind.ERASURE else self.kind
        uploading = self._uploads.waiting(of_upload).values("key")
        rows = OutboxMessage.objects.of(self.connection, self.kind)
        return rows.due(self._clock()).exclude(key__in=uploading)

    def read(self, full: int, *, besides: Collection[str] = ()) -> Rows:
        """One batch: every unsettled row of the keys that are due first, oldest row first, all of
        them by one route.

        Records that failed before go after those that did not, in smaller batches with every
        failure, so that the one which makes a batch fail ends up alone. A record that must go alone
        comes when no other is left.

        :param full: how many records a batch has at the most, however often each was noted.
        :param besides: keys that are under way.
        """
        found = self.due().exclude(key__in=list(besides)) if besides else self.due()
        rows = self._rows_of(self._next_keys(found, full))
        rows = self._without_resting(rows)
        together = {key: mine for key, mine in rows.items() if not _goes_alone(mine)}
        if not together:
            return dict(list(rows.items())[:1])
        route = route_of(next(iter(together.values())))
        return {key: mine for key, mine in together.items() if route_of(mine) == route}

    def _next_keys(self, due: QuerySet[OutboxMessage], full: int) -> list[str]:
        """Those whose turn it is, as many as the rows say that are looked at for one batch."""
        seen, last, step = 0, 0, full
        fresh: dict[str, None] = {}
        while len(fresh) < full and seen < MOST_ROWS:
            rows = due.filter(pk__gt=last) if last else due
            some = list(rows.order_by("pk").values_list("pk", "key", "attempts")[:step])
            fresh |= dict.fromkeys(key for _pk, key, attempts in some if attempts < 2)
            if some and not fresh:  # all of the oldest failed before
                size = backoff.chunk_size(full, max(attempts for _pk, _key, attempts in some))
                return list(dict.fromkeys(key for _pk, key, _attempts in some[:size]))
            seen += len(some)
            if len(some) < step:
                break
            last, step = some[-1][0], min(2 * step, MOST_ROWS)
        keys = list(fresh)[:full]
        return self._whole(keys) if seen > len(keys) else keys

    def _whole(self, keys: Sequence[str]) -> list[str]:
        """As many of these as can be read with every row that they have; at least one."""
        noted = self._rows().filter(key__in=keys).order_by().values_list("key")
        left, counts = MOST_ROWS, dict(noted.annotate(Count("pk")))
        taken: list[str] = []
        for key in keys:
            left -= counts.get(key, 0)
            if left < 0 and taken:
                break
            taken.append(key)
        return taken

    def _rows(self) -> QuerySet[OutboxMessage]:
        """What is in no upload."""
        return OutboxMessage.objects.of(self.connection, self.kind).filter(session="")

    def _rows_of(self, keys: Sequence[str]) -> dict[str, list[OutboxMessage]]:
        """Key → every row; of one that alone has more than are read, the oldest."""
        rows: dict[str, list[OutboxMessage]] = {key: [] for key in keys}
        mine = self._rows().filter(key__in=keys).order_by("pk")
        for row in mine[:MOST_ROWS] if len(keys) == 1 else mine:
            rows[row.key].append(row)
        return rows

    def _without_resting(
        self, rows: dict[str, list[OutboxMessage]]
    ) -> dict[str, list[OutboxMessage]]:
        """Those whose record was quiet before. Of the others the changes are gathered a little
        longer: their first one went at once."""
        rest, now = debounce.rest(self.kind), self._clock()
        young = [key for key, mine in rows.items() if _is_young(mine, since=now - rest)]
        if not young or rest <= debounce.first_rest(self.kind):
            return rows
        states = SyncState.objects.filter(connection=self.connection, kind=self.kind.value)
        lately = states.filter(key__in=young, delivered_at__gt=now - 2 * rest)
        resting = [
            key
            for key, at in lately.values_list("key", "delivered_at")
            if at is not None and at > rows[key][0].captured_at - rest
        ]
        if resting:
            pks = [row.pk for key in resting for row in rows[key]]
            waiting = OutboxMessage.objects.filter(pk__in=pks)
            waiting.update(due_at=F("captured_at") + rest)
        return {key: mine for key, mine in rows.items() if key not in resting}


def route_of(rows: Sequence[OutboxMessage]) -> str:
    """The one route of all rows of a key; a change that came since the import travels as changes
    do, and so does the record with it."""
    routes = {row.route for row in rows}
    return routes.pop() if len(routes) == 1 else ""


def routes_of(rows: Mapping[str, Sequence[OutboxMessage]]) -> str:
    """The route of a batch, whose records all go by the same."""
    return route_of(next(iter(rows.values()), []))


def _goes_alone(rows: Sequence[OutboxMessage]) -> bool:
    return any(row.goes_alone for row in rows)


def _is_young(rows: Sequence[OutboxMessage], *, since: datetime) -> bool:
    """Were all noted since then, and none was tried, nor is to be sent whatever was delivered?"""
    return all(row.captured_at > since and not row.attempts and not row.is_forced for row in rows)
