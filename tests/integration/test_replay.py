"""``esputnik_replay``: a plan, a question, and what was set aside is in line again."""

from __future__ import annotations

import io
import sys
from datetime import timedelta

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone

from esputnik_connector.models import Connection, OutboxMessage
from esputnik_connector.operations.record import replay

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def dead(connection) -> Connection:
    rows = [
        ("order", "100", "refused"), ("order", "101", "refused"), ("order", "102", "unreachable"),
        ("contact", "1", "refused"), ("erasure", "2", "unreachable"),
    ]  # fmt: skip
    OutboxMessage.objects.bulk_create(
        OutboxMessage(
            connection=connection, kind=kind, key=key, reason=reason, is_dead=True, attempts=9,
            captured_at=timezone.now() - timedelta(days=9 if key == "100" else 1),
        )
        for kind, key, reason in rows
    )  # fmt: skip
    OutboxMessage.objects.create(connection=connection, kind="order", key="waiting")
    return connection


@pytest.fixture
def woken(monkeypatch) -> list[int]:
    connections: list[int] = []
    monkeypatch.setattr(replay, "wake", connections.append)
    return connections


def run(*arguments: str) -> tuple[str, int]:
    output, code = io.StringIO(), 0
    try:
        call_command("esputnik_replay", *arguments, stdout=output, stderr=output, no_color=True)
    except SystemExit as end:
        code = int(end.code or 0)
    return output.getvalue(), code


def revived() -> list[str]:
    rows = OutboxMessage.objects.unsent().exclude(key="waiting")
    return sorted(rows.values_list("key", flat=True))


@pytest.mark.parametrize(
    ("arguments", "keys"),
    [
        (["--all-dead"], ["1", "100", "101", "102", "2"]),
        (["--kind", "order"], ["100", "101", "102"]),
        (["--reason", "refused"], ["1", "100", "101"]),
        (["--kind", "order", "--reason", "refused"], ["100", "101"]),
        (["--kind", "order", "--since", (timezone.now() - timedelta(days=3)).date().isoformat()],
         ["101", "102"]),
        (["--ids", "101", "2"], ["101", "2"]),
    ],
)  # fmt: skip
def test_exactly_what_was_chosen_is_in_line_again(dead, woken, arguments, keys):
    output, code = run(*arguments, "--yes")
    assert revived() == keys
    assert code == 0
    assert f"{len(keys)} change" in output
    assert woken == [dead.pk]
    row = OutboxMessage.objects.unsent().exclude(key="waiting").first()
    assert (row.attempts, row.reason, row.failing_since) == (0, "", None)


def test_the_plan_comes_first(dead, woken):
    output, _code = run("--all-dead", "--yes")
    plan = output.split("in line again")[0]
    assert "2  main · order: the destination refused it" in plan
    assert "1  main · deletion of a customer: the destination could not be reached" in plan


def test_where_nobody_can_be_asked_it_refuses(dead, woken, monkeypatch):
    monkeypatch.setattr(sys, "stdin", io.StringIO("y\n"))
    with pytest.raises(CommandError, match="--yes"):
        run("--all-dead")
    assert revived() == []
    assert woken == []


@pytest.mark.parametrize(("answer", "count"), [("y", 5), ("", 0), ("n", 0)])
def test_on_a_terminal_it_asks(dead, woken, monkeypatch, answer, count):
    terminal = io.StringIO()
    monkeypatch.setattr(terminal, "isatty", lambda: True, raising=False)
    monkeypatch.setattr(sys, "stdin", terminal)
    monkeypatch.setattr("builtins.input", lambda _question: answer)
    run("--all-dead")
    assert len(revived()) == count


def test_an_unknown_id_is_named_and_the_others_are_done(dead, woken):
    output, code = run("--ids", "101", "nobody", "--yes")
    assert revived() == ["101"]
    assert "Not set aside: nobody" in output
    assert code == 1


def test_nothing_chosen_is_no_choice(dead):
    with pytest.raises(CommandError, match="--all-dead"):
        run("--yes")


def test_another_connection_is_left_alone(dead, woken):
    Connection.objects.create(name="other", destination="recording")
    output, _code = run("--all-dead", "--connection", "other", "--yes")
    assert "Nothing of that is set aside" in output
    assert revived() == []
    with pytest.raises(CommandError, match="no connection “third”; there are: main, other"):
        run("--all-dead", "--connection", "third", "--yes")


@pytest.mark.parametrize(("since", "why"), [("2999-01-01", "not come yet"), ("soon", "neither")])
def test_a_since_that_makes_no_sense_is_refused_with_a_sentence(dead, since, why):
    with pytest.raises(CommandError, match=why):
        run("--since", since, "--yes")
