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
