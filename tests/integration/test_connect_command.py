"""``manage.py esputnik_connect``: a connection without the admin, and a key that nobody sees."""

from __future__ import annotations

import io
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest
from django.conf import settings as project_settings
from django.core.management import CommandError, call_command

from esputnik_connector.fields import reveal
from esputnik_connector.models import Connection
from esputnik_connector.testing.fake_esputnik import FakeEsputnik, Fault
from tests.live.conftest import database_url
from tests.servers import free_port

pytestmark = pytest.mark.django_db(transaction=True)

ROOT = Path(__file__).resolve().parents[2]
KEY = "0123456789ABCDEF0123456789ABCDEF"


@pytest.fixture
def fake():
    with FakeEsputnik(key=KEY) as server:
        yield server


@pytest.fixture(autouse=True)
def _key(monkeypatch, settings):
    monkeypatch.setenv("ESPUTNIK_API_KEY", KEY)
    settings.ESPUTNIK_CONNECTOR = {**project_settings.ESPUTNIK_CONNECTOR, "WAKE": ""}


def connect(*arguments: str) -> tuple[str, int]:
    output, code = io.StringIO(), 0
    try:
        call_command("esputnik_connect", *arguments, stdout=output, stderr=output)
    except SystemExit as end:
        code = int(end.code or 0)
    assert KEY not in output.getvalue()
    return output.getvalue(), code


def test_a_key_that_is_accepted_makes_a_connection_that_sends(fake):
    output, code = connect("main", "--api-url", fake.api_url)
    assert code == 0
    assert "main: new." in output
    assert "Connected to Fake organisation." in output
    connection = Connection.objects.get()
    assert reveal(connection.api_key) == KEY
    assert connection.is_bound_here
    assert connection.environment
    assert connection.verified_at is not None
    assert dict(connection.status_mappings.values_list("shop_status", "status"))["Delivered"]


def test_the_same_again_changes_nothing(fake):
    connect("main", "--api-url", fake.api_url)
    before = Connection.objects.values("pk", "api_key", "salt", "api_url", "environment").get()
    output, code = connect("main")
    assert (code, "main: nothing changed." in output) == (0, True)
    assert (
        Connection.objects.values("pk", "api_key", "salt", "api_url", "environment").get() == before
    )


def test_a_new_key_replaces_the_old_one_and_ends_its_pause(fake, monkeypatch):
    connect("main", "--api-url", fake.api_url)
    Connection.objects.get().pause("refused")
    fake.configure(key="another-key-of-the-account")
    monkeypatch.setenv("ESPUTNIK_API_KEY", "another-key-of-the-account\n")
    output, _code = connect("main")
    assert "main: api_key." in output
    connection = Connection.objects.get()
    assert reveal(connection.api_key) == "another-key-of-the-account"
    assert connection.paused_at is None


def test_a_refused_key_stores_nothing(fake):
    connect("main", "--api-url", fake.api_url)
    before = Connection.objects.values().get()
    fake.configure(key="another")
    with pytest.raises(CommandError, match="refused, and nothing is stored") as caught:
        connect("main", "--tracker-url", "https://tracker.example.net")
    assert KEY not in str(caught.value)
    assert Connection.objects.values().get() == before


def test_an_esputnik_that_hangs_keeps_a_deployment_for_five_seconds(fake):
    fake.script(Fault("delay", seconds=30.0, times=None))
    begun = time.monotonic()
    output, code = connect("main", "--api-url", fake.api_url)
    assert time.monotonic() - begun < 12
    assert code == 2
    assert "stored and not checked" in output
    assert Connection.objects.get().verified_at is None


def test_an_esputnik_that_is_away_leaves_the_key_for_later():
    _output, code = connect("main", "--api-url", f"http://127.0.0.1:{free_port()}/api")
    assert code == 2
    assert reveal(Connection.objects.get().api_key) == KEY


def test_a_copy_of_the_database_must_be_bound_on_purpose(fake):
    connect("main", "--api-url", fake.api_url)
    Connection.objects.update(environment="the real shop")
    with pytest.raises(CommandError, match="--bind"):
        connect("main")
    output, _code = connect("main", "--bind")
    assert "environment" in output
    assert Connection.objects.get().is_bound_here


@pytest.mark.parametrize(
    ("arguments", "words"),
    [(("ma in",), "name"), (("main", "--api-url", "http://esputnik.example"), "api_url"),
     (("main", "--destination", "nowhere"), "nowhere")],
)  # fmt: skip
def test_what_cannot_be_is_said_and_stores_nothing(arguments, words):
    with pytest.raises(CommandError, match=words):
        connect(*arguments)
    assert not Connection.objects.exists()


def test_an_argument_for_the_key_does_not_exist():
    with pytest.raises(CommandError, match="unrecognized"):
        call_command("esputnik_connect", "main", "--key", "secret")


@pytest.mark.slow
def test_the_key_comes_by_standard_input_too(fake):
    """As from a secret store: ``vault … | manage.py esputnik_connect``."""
    environment = {
        **{name: value for name, value in os.environ.items() if name != "ESPUTNIK_API_KEY"},
        "DJANGO_SETTINGS_MODULE": "tests.settings",
        "DATABASE_URL": database_url(),
    }
    command = [sys.executable, "manage.py", "esputnik_connect", "piped", "--api-url", fake.api_url]
    done = subprocess.run(
        command, input=f"{KEY}\n", env=environment, cwd=ROOT, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    assert reveal(Connection.objects.get(name="piped").api_key) == KEY
    empty = subprocess.run(
        command, input="", env=environment, cwd=ROOT, capture_output=True, text=True
    )
    assert empty.returncode == 1
    assert "There is no key" in empty.stderr
