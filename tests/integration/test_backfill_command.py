"""``manage.py esputnik_backfill`` as somebody at a terminal, or a script, meets it."""

from __future__ import annotations

import io
import json
import re
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from esputnik_connector.destinations.base import Envelope, Receipt
from esputnik_connector.exceptions import CredentialsError
from esputnik_connector.management import follow
from esputnik_connector.models import Backfill, OutboxMessage
from esputnik_connector.records import Contact, Outcome, Reason

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def people(plain_shop, connection, monkeypatch) -> list[str]:
    monkeypatch.setattr(follow, "WORKER_START", 0.0)  # there is no worker
    monkeypatch.setattr("esputnik_connector.pipeline.broker.publisher.publish", lambda *_: None)
    for number in range(150):
        email = "" if number == 9 else f"buyer{number}@example.com"
        plain_shop.people[str(number)] = Contact(key=str(number), email=email)
    return list(plain_shop.people)


def run(*arguments: str, **options: Any) -> str:
    out = io.StringIO()
    call_command("esputnik_backfill", *arguments, stdout=out, **options)
    return out.getvalue()


def refuse(*keys: str):
    def answer(envelopes: Sequence[Envelope]) -> list[Receipt]:
        return [
            Receipt(kind=one.kind, key=one.key, outcome=Outcome.REJECTED, reason=Reason.REFUSED)
            if one.key in keys
            else Receipt(kind=one.kind, key=one.key, outcome=Outcome.DELIVERED)
            for one in envelopes
        ]

    return staticmethod(answer)


def test_without_a_worker_it_does_the_work_and_says_what_became_of_all(recording, people):
    told = run("contacts")
    assert "150 in the range" in told
    assert "100 delivered" in told  # a line per page
    assert "150 delivered (100 %)" in told.splitlines()[-1]
    assert len(recording.keys()) == 150


def test_the_last_line_adds_up(recording, people):
    recording.answer = refuse("3")
    with pytest.raises(CommandError, match="Not everything"):
        run("contacts")
    out = io.StringIO()
    call_command("esputnik_backfill", "contacts", "--cancel", stdout=out)
    last = [line for line in out.getvalue().splitlines() if "%" in line][-1]
    assert sum(map(int, re.findall(r"\((\d+) %\)", last))) == 100


def test_json_is_all_there_is(recording, people):
    found = json.loads(run("contacts", "--json"))
    (one,) = found["runs"]
    assert one["state"] == "finished"
    assert one["counts"]["delivered"] == one["total"] == 150


def test_a_dry_run_sends_nothing_and_counts_all(recording, people):
    told = run("contacts", "--dry-run")
    assert "150 to send" in told
    assert recording.calls == []
    assert not Backfill.objects.exists()


def test_without_waiting_it_only_starts(recording, people):
    run("contacts", "--no-wait")
    assert recording.calls == []
    assert Backfill.objects.get().state == "running"


@pytest.mark.parametrize("what", ["orders", "all"])
def test_orders_need_a_route_where_nobody_can_be_asked(people, what):
    with pytest.raises(CommandError, match="--route"):
        run(what)
    assert not Backfill.objects.exists()


def test_at_a_terminal_the_route_is_explained_and_asked_for(people, monkeypatch):
    answers = iter(["past_events", "y"])
    monkeypatch.setattr("sys.stdin", Terminal())
    monkeypatch.setattr("builtins.input", lambda _question: next(answers))
    told = run("orders", "--no-wait")
    assert "no workflow starts" in told.replace("\n    ", " ")
    assert Backfill.objects.get().route == "past_events"


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--since", "2100-01-01T00:00+02:00"], "future"),
        (["--since", "2020-01-01T00:00"], "time zone"),
        (["--since", "2020-01-02T00:00Z", "--until", "2020-01-01T00:00Z"], "earlier"),
        (["--since", "yesterday"], "no moment"),
        (["--connection", "other"], "there are: main"),
    ],
)
def test_bad_input_is_answered_with_a_sentence(people, options, words):
    with pytest.raises(CommandError, match=words):
        run("contacts", *options)
    assert not Backfill.objects.exists()


def test_an_unknown_id_is_named_and_the_others_are_done(recording, people):
    with pytest.raises(CommandError, match=r"Not in the shop: 404, 405\."):
        run("contacts", "--ids", "5", "404", "7", "405")
    assert sorted(recording.keys()) == ["5", "7"]


def test_only_what_failed_goes_again(recording, people):
    recording.answer = refuse("3", "4")
    with pytest.raises(CommandError):
        run("contacts")
    recording.answer = None
    recording.calls.clear()
    run("contacts", "--only-failed")
    assert sorted(recording.keys()) == ["3", "4"]
    assert not OutboxMessage.objects.exists()


def test_pause_resume_restart_and_cancel(recording, people):
    run("contacts", "--no-wait")
    assert "paused" in run("contacts", "--pause")
    run("contacts", "--no-wait")  # finds the one that is there
    assert Backfill.objects.get().state == "paused"
    run("contacts", "--resume")
    assert Backfill.objects.get().state == "finished"
    run("contacts", "--restart")
    assert Backfill.objects.count() == 2
    assert Backfill.objects.first().skips == {"unchanged": 150}
    with pytest.raises(CommandError, match="no such import"):
        run("orders", "--pause")


def test_a_paused_connection_is_said_at_once(connection, people):
    connection.pause("wrong key")
    with pytest.raises(CommandError, match="wrong key"):
        run("contacts")


def test_a_copied_database_sends_no_history(connection, people):
    connection.environment = "elsewhere"
    connection.save()
    with pytest.raises(CommandError, match="--confirm-environment"):
        run("contacts")


def test_everybody_comes_before_what_they_bought(plain_shop, recording, people):
    from tests.integration.test_backfill import order

    plain_shop.purchases["100"] = replace(order("100"), contact_key="5")
    run("all", "--route", "past_events")
    assert recording.keys()[-1] == "100"
    assert Backfill.objects.filter(state="finished").count() == 2


@pytest.fixture
def paused_customers(plain_shop, recording, people) -> None:
    """The import of customers was stopped by a person; that of orders waits for it."""
    from tests.integration.test_backfill import order

    plain_shop.purchases["100"] = order("100")
    run("contacts", "--no-wait")
    run("contacts", "--pause")


@pytest.mark.usefixtures("paused_customers")
def test_orders_that_wait_for_paused_customers_say_so_and_do_not_hang(recording):
    out = io.StringIO()
    with pytest.raises(CommandError, match="Not everything"):
        call_command("esputnik_backfill", "orders", "--route", "past_events", stdout=out)
    assert "Waits for the import of customers, which is paused: Paused by hand." in out.getvalue()
    assert "--resume" in out.getvalue()
    assert recording.calls == []
    assert Backfill.objects.get(kind="order").state == "running"


@pytest.mark.usefixtures("paused_customers")
def test_a_script_reads_what_an_import_waits_for():
    run("orders", "--route", "past_events", "--no-wait")
    (one,) = json.loads(run("orders", "--watch", "--no-wait", "--json"))["runs"]
    assert "which is paused" in one["waits_for"]
    assert one["state"] == "running"
    (one,) = json.loads(run("contacts", "--watch", "--no-wait", "--json"))["runs"]
    assert one["waits_for"] == ""


@pytest.mark.usefixtures("paused_customers")
def test_both_together_go_on_when_the_customers_do(recording):
    with pytest.raises(CommandError):
        run("all", "--route", "past_events")
    run("all", "--resume")
    assert recording.keys()[-1] == "100"


def test_following_ends_with_one_whatever_way_it_began(recording, people):
    """Starting, resuming, looking on and restarting tell a script the same."""
    recording.answer = refuse("3")
    for way in ([], ["--watch"], ["--restart"]):
        with pytest.raises(CommandError, match="Not everything"):
            run("contacts", *way)
    run("contacts", "--restart", "--no-wait")
    run("contacts", "--pause")
    with pytest.raises(CommandError, match="Not everything"):
        run("contacts", "--resume")


def test_what_is_only_begun_or_stopped_ends_with_zero(recording, people):
    recording.answer = refuse("3")
    run("contacts", "--no-wait")
    run("contacts", "--pause")
    run("contacts", "--resume", "--no-wait")
    run("contacts", "--cancel")


def test_an_import_of_a_connection_that_is_paused_meanwhile_ends_with_one(
    connection, recording, people
):
    run("contacts", "--no-wait")
    recording.error = CredentialsError("Refused with 401")
    with pytest.raises(CommandError, match="Not everything"):
        run("contacts", "--watch")
