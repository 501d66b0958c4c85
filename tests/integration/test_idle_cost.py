"""What the connector asks the database for while nothing happens: all of its periodic work."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from django.conf import settings as project_settings
from django.db import connection as database
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from esputnik_connector import tasks
from esputnik_connector.celery_schedule import PERIODIC, Periodic
from esputnik_connector.feed.build import Build
from esputnik_connector.models import Connection, Feed

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),  # of Oscar
]

MOST = 10  # queries a minute


def an_hour_has(each: Periodic) -> float:
    return 60 / each.minutes if each.minutes else 1 / 24


def statements(work: Callable[[], object]) -> int:
    """Whatever goes to the database, BEGIN and COMMIT among it."""
    with CaptureQueriesContext(database) as queries:
        work()
    return len(queries)


def test_an_idle_shop_asks_ten_queries_a_minute_at_the_most(settings, tmp_path):
    settings.ESPUTNIK_CONNECTOR = {**project_settings.ESPUTNIK_CONNECTOR, "WAKE": ""}
    settings.MEDIA_ROOT = str(tmp_path)
    made = Connection.objects.create(
        name="main", api_key="a key", send_back_in_stock=True, send_price_drop=True
    )
    made.bind()
    Connection.objects.update(verified_at=timezone.now(), checked_at=timezone.now())
    feed = Feed.objects.create(name="uk", language="uk", currency="UAH", brand="Kobzar")
    Build(feed).run()
    bodies = {each.name: getattr(tasks, each.task.rpartition(".")[2]) for each in PERIODIC}
    for task in bodies.values():  # the first time, lanes and heartbeats are made
        task()
    costs = {name: statements(task) for name, task in bodies.items()}
    per_minute = sum(costs[each.name] * an_hour_has(each) for each in PERIODIC) / 60
    assert per_minute <= MOST, costs
    assert costs["sweep"] <= MOST
