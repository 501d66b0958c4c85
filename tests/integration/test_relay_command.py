"""``manage.py esputnik_relay``: it outlives what goes wrong in one round."""

from __future__ import annotations

import io

import pytest
from django.core.management import CommandError, call_command
from django.db import connection as database

from esputnik_connector.management.commands import esputnik_relay
from esputnik_connector.models import Connection
from esputnik_connector.pipeline.capture import capture
from esputnik_connector.records import Contact

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.mark.skipif(database.vendor != "postgresql", reason="kills a session of PostgreSQL")
def test_watching_goes_on_when_the_database_session_is_lost(
    plain_shop, recording, connection, monkeypatch
):
    plain_shop.people["1"] = Contact(key="1", email="buyer1@example.com")
    rounds: list[float] = []
    command = esputnik_relay.Command()

    def between_rounds(seconds: float) -> None:
        rounds.append(seconds)
        if len(rounds) == 1:
            with database._nodb_cursor() as cursor:  # as an administrator does, or a failover
                cursor.execute(
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s",
                    [database.settings_dict["NAME"]],
                )
        elif len(rounds) == 2:
            capture.contact_changed("1")
        else:
            command.is_stopping = True

    monkeypatch.setattr(esputnik_relay.time, "sleep", between_rounds)
    monkeypatch.setattr(esputnik_relay.signal, "signal", lambda *_: None)
    said = io.StringIO()
    call_command(command, "--watch", stdout=io.StringIO(), stderr=said)
    assert "The database does not answer" in said.getvalue()
    assert recording.keys() == ["1"]


def test_a_connection_that_cannot_be_used_holds_no_other_back(plain_shop, recording, connection):
    plain_shop.people["1"] = Contact(key="1", email="buyer1@example.com")
    Connection.objects.create(name="lost", destination="no such destination")
    capture.forget_connections()
    capture.contact_changed("1")
    with pytest.raises(CommandError, match="lost"):
        call_command("esputnik_relay", stdout=io.StringIO(), stderr=io.StringIO())
    assert recording.keys() == ["1"]


def relay(*arguments: str) -> str:
    """What it says of connections that send nothing."""
    said = io.StringIO()
    call_command("esputnik_relay", *arguments, stdout=io.StringIO(), stderr=said)
    return said.getvalue()


def test_a_copy_of_the_database_ends_with_one_and_says_what_to_do(
    plain_shop, recording, connection
):
    connection.environment = "another installation"
    connection.save()
    with pytest.raises(CommandError, match=r"main: bound to another.*--confirm-environment"):
        relay()
    connection.is_enabled = False  # on a copy that lives for long
    connection.save()
    assert relay() == ""


def test_a_paused_connection_ends_with_one_and_says_why(plain_shop, recording, connection):
    connection.pause("Refused with 401")
    with pytest.raises(CommandError, match="main: paused: Refused with 401"):
        relay()


def test_one_that_sends_holds_no_other_back_and_the_end_says_which_did_not(
    plain_shop, recording, connection
):
    plain_shop.people["1"] = Contact(key="1", email="buyer1@example.com")
    other = Connection.objects.create(name="other", destination="recording", api_key="k")
    other.pause("Refused with 401")
    capture.forget_connections()
    capture.contact_changed("1")
    with pytest.raises(CommandError, match="other"):
        relay()
    assert recording.keys() == ["1"]
    relay("--connection", "main")


def test_watching_a_copy_says_so_once_and_ends_with_zero_when_it_is_stopped(
    plain_shop, recording, connection, monkeypatch
):
    connection.environment = "another installation"
    connection.save()
    command, rounds, said = esputnik_relay.Command(), [], io.StringIO()

    def between_rounds(seconds: float) -> None:
        rounds.append(seconds)
        command.is_stopping = len(rounds) > 2

    monkeypatch.setattr(esputnik_relay.time, "sleep", between_rounds)
    monkeypatch.setattr(esputnik_relay.signal, "signal", lambda *_: None)
    call_command(command, "--watch", stdout=io.StringIO(), stderr=said)
    assert said.getvalue().count("bound to another installation") == 1
