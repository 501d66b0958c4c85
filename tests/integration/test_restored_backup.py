"""The page about restored backups, step by step and word for word, in an Oscar shop."""

from __future__ import annotations

import io
import json
import re
from pathlib import Path
from typing import Any

import pytest
from django.apps import apps
from django.contrib.auth import get_user_model
from django.core.management import call_command
from django.db import connection as database
from django.db import transaction

from esputnik_connector.models import Connection, OutboxMessage, Restore
from esputnik_connector.operations.health.examine import examine
from esputnik_connector.operations.health.findings import Level
from esputnik_connector.pipeline.capture import capture
from esputnik_connector.pipeline.delivery.relay import Relay
from esputnik_connector.testing.fake_esputnik import FakeEsputnik
from tests.integration.test_reconcile_oscar import (  # noqa: F401  fixtures
    connection,
    fake,
    order,
    person,
    send,
)

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs" / "howto" / "after-a-restored-backup.md"
STEP = re.compile(r"^ *```(console|sql)\n(.*?)^ *```$", re.MULTILINE | re.DOTALL)
User = get_user_model()

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
    pytest.mark.filterwarnings("ignore:.* is not implemented in this backend:UserWarning"),
]


def steps() -> list[tuple[str, str]]:
    return [(kind, line.strip()) for kind, block in STEP.findall(PAGE.read_text())
            for line in block.strip().splitlines()]  # fmt: skip


def manage(command: str) -> tuple[str, int]:
    words = command.split()
    assert words[:2] == ["python", "manage.py"]
    output, code = io.StringIO(), 0
    try:
        call_command(*words[2:], stdout=output, no_color=True)
    except SystemExit as end:
        code = int(end.code or 0)
    return output.getvalue(), code


@pytest.fixture
def restored(connection: Connection, fake: FakeEsputnik, tmp_path: Path) -> dict[str, Any]:  # noqa: F811
    """A day's loss: one customer renamed, one deleted and one new since the backup."""
    people = {name: person(number) for number, name in enumerate(("same", "renamed", "deleted"))}
    people["order"] = order(people["same"])
    order(people["deleted"])
    send(connection)
    backup = tmp_path / "backup.json"
    # The tables that these changes touch, as a backup has them.
    call_command("dumpdata", "auth.user", "esputnik_connector", "order", output=str(backup))
    renamed = people["renamed"]
    renamed.first_name = "Грета"
    renamed.save()
    keys = {name: str(one.pk) for name, one in people.items()}
    people["deleted"].delete()
    new = person(9)
    send(connection)
    assert fake.contact(keys["deleted"]) is None
    keys["new"] = str(new.pk)
    _bring_back(backup)
    connection.refresh_from_db()
    return keys


def _bring_back(backup: Path) -> None:
    with transaction.atomic():
        for model in apps.get_app_config("esputnik_connector").get_models():
            model._base_manager.all()._raw_delete("default")
        User.objects.exclude(pk__in=_users_of(backup))._raw_delete("default")
        call_command("loaddata", str(backup), verbosity=0)
    capture.forget_connections()


def _users_of(backup: Path) -> list[int]:
    return [row["pk"] for row in json.loads(backup.read_text()) if row["model"] == "auth.user"]


def problems(connection: Connection) -> str:  # noqa: F811
    found = examine([connection], areas=("environment", "connections"))
    return " ".join(f"{one.text} {one.remedy}" for one in found if one.level is Level.PROBLEM)


def test_esputnik_contradicts_a_database_that_was_restored(restored, connection):  # noqa: F811
    text = problems(connection)
    assert f"({restored['new']})" in text
    assert "--database-restored" in text


def test_nobody_is_suspected_while_the_shop_knows_everybody(connection, fake):  # noqa: F811
    gone = [person(number) for number in range(3)][2]
    send(connection)
    gone.delete()
    send(connection)
    assert "--database-restored" not in problems(connection)


def test_the_pages_own_steps_settle_it(restored, connection, fake, clock):  # noqa: F811
    fake.configure(
        segmentation=True, duplicate_seconds=0
    )  # the minutes that pass below are of our clock alone
    before = len(fake.events())
    for kind, line in steps():
        if kind == "sql":
            with database.cursor() as cursor:
                cursor.execute(line)
            continue
        output, code = manage(line)
        assert "Traceback" not in output
        if line.endswith("--database-restored"):
            assert "restored from a backup" in problems(connection)
        if line.endswith("--remote"):
            assert code == 1
            assert f"{restored['deleted']}: not there" in output
            assert f"  {restored['renamed']}: there, but otherwise" in output
            assert "firstName" in output
            assert f"  {restored['same']}:" not in output
            User.objects.get(pk=restored["deleted"]).delete()  # as the page says
        if line.endswith("--repair"):
            assert code == 0
    assert Restore.unsettled() is None

    clock.forward(minutes=5)
    Relay(connection, clock=clock).run()

    assert not OutboxMessage.objects.exists()
    assert fake.contact(restored["deleted"]) is None
    assert fake.contact(restored["renamed"])["firstName"] == "Ада"
    assert User.objects.create(username="later").pk > int(restored["new"])
    new = fake.events()[before:]
    assert {one["source"] for one in new} == {"past_event"}
    assert not any(one["starts_workflow"] for one in new)
