"""Every management command explains itself."""

from __future__ import annotations

from pathlib import Path

import pytest
from django.core.management import load_command_class

import esputnik_connector

COMMANDS = sorted(
    path.stem
    for path in (Path(esputnik_connector.__file__).parent / "management/commands").glob("*.py")
    if path.stem != "__init__"
)


@pytest.mark.parametrize("name", COMMANDS)
def test_a_command_prints_its_help(name, capsys):
    command = load_command_class("esputnik_connector", name)
    with pytest.raises(SystemExit) as ended:
        command.create_parser("manage.py", name).parse_args(["--help"])
    assert ended.value.code == 0
    assert command.help.split()[0] in capsys.readouterr().out
