"""A step of a storefront that failed is seen: by the doctor, by Prometheus, and by whoever opens
the Overview."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from django.contrib.auth import get_user_model
from django.contrib.auth.models import Permission
from django.db import connection as database
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from prometheus_client.parser import text_string_to_metric_families

from esputnik_connector.models import Connection, Heartbeat, Storefront
from esputnik_connector.models.storefront import StepName, StepState
from esputnik_connector.operations.health.connection import of_connection
from esputnik_connector.operations.health.examine import moving
from esputnik_connector.operations.health.findings import Finding, Level, worst
from esputnik_connector.operations.health.judgement import judge
from esputnik_connector.operations.health.metrics import exposition
from esputnik_connector.operations.health.sentences import Action
from esputnik_connector.operations.health.snapshot import Snapshot, take

pytestmark = [
    pytest.mark.django_db,
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),  # Oscar's dashboard
]

GAUGE = "esputnik_storefront_steps_failed"
REFUSED = "eSputnik refused the domain"


@pytest.fixture
def main() -> Connection:
    connection = Connection.objects.create(name="main", api_key="a key")
    connection.accept_key("Kobzar", "1")
    Heartbeat.beat("sweep")
    return connection


@pytest.fixture
def storefront(main: Connection) -> Storefront:
    made = Storefront.objects.create(connection=main, domain="shop.example", script="<script>")
    for name in StepName:
        made.steps.create(name=name, state=StepState.DONE)
    return made


def fail(storefront: Storefront, *names: StepName) -> None:
    failed = storefront.steps.filter(name__in=names)
    failed.update(state=StepState.FAILED, code="push_refused", detail=REFUSED)


def gauges(snapshot: Snapshot) -> dict[str, float]:
    """Connection → its number."""
    return {
        sample.labels["connection"]: sample.value
        for family in text_string_to_metric_families(exposition(snapshot, ()))
        for sample in family.samples
        if sample.name == GAUGE
    }


def told(found: Iterator[Finding]) -> list[Finding]:
    return [one for one in found if one.code == "storefront_step_failed"]


def test_prometheus_reads_how_many_steps_failed(storefront):
    Connection.objects.create(name="without a storefront", api_key="a key")
    assert gauges(take()) == {"main": 0}
    fail(storefront, StepName.SCRIPT, StepName.WORKER)
    assert gauges(take()) == {"main": 2}
    Connection.objects.update(is_enabled=False)
    assert gauges(take()) == {}


def test_a_snapshot_takes_the_same_queries_however_many_storefronts_there_are(storefront):
    with CaptureQueriesContext(database) as few:
        take()
    for number in range(4):
        more = Connection.objects.create(name=f"more {number}", api_key="a key")
        site = Storefront.objects.create(connection=more, domain=f"shop{number}.example")
        for name in StepName:
            site.steps.create(name=name, state=StepState.FAILED)
    with CaptureQueriesContext(database) as many:
        found = take()
    assert len(few) == len(many)
    assert sum(gauges(found).values()) == 4 * len(StepName)
    assert not any('"script"' in one["sql"] for one in many)


def test_a_monitor_is_warned_of_each_failed_step_with_what_to_do(storefront):
    assert told(moving(take())) == []
    fail(storefront, StepName.PUSH_DOMAIN)
    (found,) = told(moving(take()))
    assert (found.level, found.connection) == (Level.WARNING, "main")
    assert found.text == (
        f"The storefront is not in order. register the domain for web push: {REFUSED}"
    )
    assert "web push is part of your plan" in found.remedy


def test_no_delivery_waits_for_a_storefront_so_that_the_monitor_is_not_alarmed(storefront):
    fail(storefront, *StepName)
    assert worst(moving(take())) is Level.WARNING


def test_the_verdict_says_it_when_nothing_worse_is_there(main, storefront):
    assert judge(main, take()).level is Level.OK
    fail(storefront, StepName.SCRIPT)
    judged = judge(main, take())
    assert (judged.level, judged.action) == (Level.WARNING, Action.STOREFRONT)
    assert judged.text == f"The storefront is not in order. fetch the site script: {REFUSED}"
    Connection.objects.update(api_key="")
    assert judge(Connection.objects.get(), take()).action is Action.PASTE_KEY


def test_the_doctor_tells_without_the_network_of_a_worker_that_was_not_there(main, storefront):
    """With the network it looks for itself."""
    storefront.is_push = True
    storefront.push_worker = "self.addEventListener('push', () => {})"
    storefront.save()
    assert told(of_connection(main, is_offline=True)) == []
    fail(storefront, StepName.WORKER)
    (found,) = told(of_connection(main, is_offline=True))
    assert "look for the service worker from outside" in found.text


def somebody(*permissions: str) -> Client:
    user = get_user_model().objects.create_user("somebody", is_staff=True)
    user.user_permissions.set(Permission.objects.filter(codename__in=permissions))
    client = Client()
    client.force_login(user)
    return client


def shown(client: Client) -> str:
    address = reverse("admin:esputnik_connector_overview")
    return client.get(address, follow=True).content.decode()


def test_the_row_of_behaviour_and_the_verdict_lead_to_the_storefront(storefront):
    merchant = somebody("view_connection", "change_connection")
    before = shown(merchant)
    assert "Failed at the storefront" not in before
    assert "See the storefront" not in before
    fail(storefront, StepName.DOMAIN, StepName.SCRIPT)
    page = shown(merchant)
    row = page.partition("Behaviour and events")[2].partition("</tr>")[0]
    assert "Failed at the storefront: register the domain, fetch the site script" in row
    assert page.count("Failed at the storefront") == 1
    assert "esputnik-is-warning" in page
    button = page.partition("See the storefront")[0].rpartition("<a ")[2]
    assert reverse("admin:esputnik_connector_storefronts") in button
