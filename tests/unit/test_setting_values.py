"""Wrong values of every setting: each is named by a check, none breaks one, none costs a change.

The table is made of the settings' own declarations, so that a new setting is in it by itself.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any, get_origin

import pytest
from django.core.checks.registry import registry as check_registry
from django.core.management import call_command

from esputnik_connector.conf import Settings, conf, declarations, setting_types
from esputnik_connector.destinations.esputnik.options import Options
from esputnik_connector.exceptions import ConfigurationError
from esputnik_connector.models import Connection, OutboxMessage
from esputnik_connector.pipeline.capture import capture
from esputnik_connector.registry import destination_for
from esputnik_connector.setting_values import Filled, Range, falls_back

ROOT = Path(__file__).resolve().parents[2]
NAN, INFINITY = float("nan"), float("inf")
ESPUTNIK = Settings.DESTINATIONS["esputnik"]["BACKEND"]

NO_NUMBER = [None, "", "3", "three", True, False, NAN, INFINITY, 2.5, [], [3], {}, {"a": {}}, b"3"]
NO_TEXT = [None, 0, 5, True, 2.5, NAN, [], ["x"], {}, {"a": {}}, b"x"]
NO_CHOICE = [None, 0, 1, 5, 2.5, NAN, "", "true", "x", [], ["x"], {}, {"a": "b"}, b"x"]
NO_LIST = [None, 0, 5, True, NAN, {}, {"a": "b"}, [None], [5], [["x"]], [b"x"]]
NO_MAPPING = [
    None, 0, 5, True, NAN, "x", [], ["x"], {5: "x"}, {None: "x"}, {"a": 5}, {"a": None},
    {"a": ["x"]}, {"a": True},
]  # fmt: skip
NO_DESTINATIONS = [
    {}, {"a": {}}, {"a": {"BACKEND": None}}, {"a": {"BACKEND": 5}}, {"a": {"BACKEND": ""}},
    {"a": {"BACKEND": "nowhere.Destination"}}, {"a": {"BACKEND": "..x"}},
    {"a": {"BACKEND": "os.path"}}, {5: {"BACKEND": ESPUTNIK}},
    {"a": {"BACKEND": ESPUTNIK, "OPTION": {}}}, {"a": {"BACKEND": ESPUTNIK, "OPTIONS": None}},
    {"a": {"BACKEND": ESPUTNIK, "OPTIONS": []}}, {"a": {"BACKEND": ESPUTNIK, "OPTIONS": "x"}},
    {"a": {"BACKEND": ESPUTNIK, "OPTIONS": {5: 5}}},
]  # fmt: skip
NO_KEYS = [
    "short", ["short"], ["x" * 44], ["é" * 44], "x" * 44, " , ", "", [], [""], ["x" * 44, "short"],
    [("MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=") * 2],
]  # fmt: skip
NO_PATH = ["nowhere", "nowhere.Thing", ".Thing", "..Thing", "os.path", "os.nowhere", " "]
PREFIX = "esputnik_connector.E"
PATHS = ("SHOP", "RECORD_HOOK", "WAKE", "PRICE_STRATEGY")


def wrong_values(name: str) -> Iterator[Any]:
    """Everything that this setting must refuse."""
    kind, rules = setting_types()[name], getattr(declarations()[name], "__metadata__", ())
    if kind is int:
        yield from NO_NUMBER
    elif kind is str:
        yield from NO_TEXT
    elif kind is bool:
        yield from NO_CHOICE
    elif name == "ENCRYPTION_KEYS":
        yield from [*NO_LIST, *NO_KEYS]
    elif get_origin(kind) is list:
        yield from [*NO_LIST, "x"]
    else:
        yield from NO_MAPPING
    for rule in rules:
        if isinstance(rule, Range):
            yield from (rule.lowest - 1, rule.highest + 1, 10**5000)
        if isinstance(rule, Filled) and kind is str:
            yield ""
    yield from NO_PATH if name in PATHS else ()
    yield from {
        "DESTINATIONS": NO_DESTINATIONS,
        "CONTACT_ATTRIBUTES": [{"a": path} for path in NO_PATH],
        "SHOP_URL": ["http://[", "https://[::1", "https://shop.example:port"],
        "FEED_STORAGE": ["nowhere"],
        "FEED_PRICES": ["cheap", ""],
    }.get(name, ())


def wrong_options() -> Iterator[tuple[str, Any]]:
    known = Options()
    for option in fields(Options):
        default = getattr(known, option.name)
        if isinstance(default, Mapping):
            values = [None, 0, 5, True, "x", [], {"back_in_stock": 5}, {"back_in_stock": ""},
                      {5: "Name"}, {None: "Name"}, {"nowhere": "Name"}]  # fmt: skip
        elif isinstance(default, bool):
            values = [None, 0, 1, "", "true", NAN, [], {}]
        elif isinstance(default, int):
            values = [*NO_NUMBER, 0, -1]
        elif isinstance(default, float):
            values = [None, 0, -1, True, NAN, INFINITY, "3", [], {}]
        else:
            values = [None, 0, 5, True, NAN, [], {}, "", "fast"]
        yield from ((option.name, value) for value in values)


def table() -> dict[str, list[dict[str, Any]]]:
    """What a test is named by → settings, each with one wrong value."""
    rows = {name: [{name: value} for value in wrong_values(name)] for name in setting_types()}
    for option, value in wrong_options():
        entry = {"BACKEND": ESPUTNIK, "OPTIONS": {option: value}}
        rows.setdefault(f"option {option}", []).append({"DESTINATIONS": {"esputnik": entry}})
    return rows


TABLE = table()
each_setting = pytest.mark.parametrize("subject", TABLE)


def messages() -> list[Any]:
    """What all checks of the connector say."""
    mine = [
        check
        for check in check_registry.registered_checks
        if check.__module__.startswith("esputnik_connector.checks")
    ]
    assert len(mine) > 5
    return [message for check in mine for message in check(app_configs=None)]


@pytest.fixture
def change(settings):
    def change_settings(**values: object) -> None:
        settings.ESPUTNIK_CONNECTOR = {**settings.ESPUTNIK_CONNECTOR, **values}

    return change_settings


@each_setting
def test_a_wrong_value_is_an_error_that_names_its_setting(change, subject):
    for values in TABLE[subject]:
        change(**values)
        found = [message for message in messages() if message.id.startswith(PREFIX)]
        spoken = " ".join(message.msg for message in found)
        name = subject.removeprefix("option ")
        assert name in spoken, values


@pytest.mark.django_db
@each_setting
def test_a_wrong_value_costs_no_change_of_the_shop(change, subject):
    Connection.objects.create(name="main", api_key="a key")
    for number, values in enumerate(TABLE[subject]):
        change(**values)
        capture.order_changed(str(number))
        assert OutboxMessage.objects.filter(key=str(number)).exists(), values


@pytest.mark.parametrize("written", [None, [], "x", 5, {5: 1}, {None: 1}, {("a",): 1}, {"": 1}])
def test_a_dictionary_that_is_none_breaks_no_check(settings, written):
    settings.ESPUTNIK_CONNECTOR = written
    assert any(message.id in ("esputnik_connector.E001", "esputnik_connector.E006")
               for message in messages())  # fmt: skip


NUMBERS = [name for name, kind in setting_types().items() if kind is int]


@pytest.mark.parametrize("name", NUMBERS)
def test_a_number_that_is_wrong_counts_as_not_written(change, caplog, name):
    default = getattr(Settings, name)
    change(**{name: f"{default} or so"})
    assert getattr(conf, name) == getattr(conf, name) == default
    (record,) = caplog.records
    assert name in record.getMessage()
    change(**{name: default})
    assert getattr(conf, name) == default


STRICT = [name for name, declared in declarations().items() if not falls_back(declared)]


@pytest.mark.parametrize("name", STRICT)
def test_nothing_is_sent_by_a_default_that_nobody_wrote(change, name):
    """Without the project's hook, its maps or its other destination, more would be sent or less."""
    change(**{name: 5})
    with pytest.raises(ConfigurationError, match=name):
        getattr(conf, name)
    with pytest.raises(ConfigurationError, match=name):
        destination_for("esputnik", None)


def test_a_secret_that_was_written_wrongly_is_not_shown(change):
    change(
        ENCRYPTION_KEYS={"secret": "secret"}, RATE_LIMIT_STORAGE=["secret"], RECORD_HOOK=b"secret"
    )
    assert "secret" not in " ".join(f"{message.msg}{message.hint}" for message in messages())


def test_a_name_within_a_destination_is_named_with_the_right_one(change):
    change(DESTINATIONS={"esputnik": {"BACKEND": ESPUTNIK, "OPTION": {"rate": "5/second"}}})
    (message,) = messages()
    assert "Did you mean 'OPTIONS'" in message.msg


def test_tuples_do_as_lists(change):
    change(CANCELLED_STATUSES=("Cancelled",))
    assert messages() == []


@pytest.mark.django_db
def test_the_doctor_says_what_is_wrong_and_goes_on(change, capsys):
    change(LEASE_SECONDS="180", DESTINATIONS=None)
    with pytest.raises(SystemExit):
        call_command("esputnik_doctor", "--offline")
    said = capsys.readouterr().out
    assert "LEASE_SECONDS" in said
    assert "DESTINATIONS" in said


@pytest.mark.slow
@pytest.mark.parametrize("shop", ["nowhere.Shop", "os.path.join", 5, ""])
def test_a_shop_that_cannot_be_connected_is_said_by_the_check_and_not_by_a_traceback(
    tmp_path, shop
):
    (tmp_path / "wrong_settings.py").write_text(
        "from tests.settings import *\n"
        f"ESPUTNIK_CONNECTOR = {{**ESPUTNIK_CONNECTOR, 'SHOP': {shop!r}}}\n"
    )
    path = os.pathsep.join([str(tmp_path), str(ROOT)])
    environment = {**os.environ, "PYTHONPATH": path, "DJANGO_SETTINGS_MODULE": "wrong_settings"}
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-m", "django", "check"],
        env=environment, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    assert "SHOP" in done.stderr
    assert "esputnik_connector.E" in done.stderr


def test_the_table_has_every_setting_and_many_values():
    assert set(setting_types()) <= set(TABLE)
    assert all(len(values) > 5 for values in TABLE.values())
    assert sum(map(len, TABLE.values())) > 300
