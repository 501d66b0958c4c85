"""The systemd unit of the documentation starts a command that there is."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from configparser import ConfigParser
from pathlib import Path

from django.core.management import get_commands

HOWTO = Path(__file__).resolve().parents[2] / "docs" / "howto"
UNIT = (HOWTO / "esputnik.service").read_text()


def unit() -> ConfigParser:
    parser = ConfigParser(interpolation=None, strict=True)
    parser.optionxform = str  # type: ignore[assignment, method-assign]
    parser.read_string(UNIT)
    return parser


def test_the_unit_starts_a_command_of_the_connector_and_starts_it_again():
    service = unit()["Service"]
    (command,) = re.findall(r"manage\.py (\w+)$", service["ExecStart"])
    assert get_commands()[command] == "esputnik_connector"
    assert service["Restart"] == "always"
    assert int(service["TimeoutStopSec"]) > 10  # a request is given up after 5 s


def test_the_page_shows_the_unit():
    assert "esputnik.service" in (HOWTO / "without-celery.md").read_text()


def test_systemd_takes_the_unit(tmp_path):
    """Where systemd is: with paths that exist on this machine, and all else word for word."""
    verify = shutil.which("systemd-analyze")
    text = UNIT.replace("/srv/shop/venv/bin/python", sys.executable)
    text = text.replace("/srv/shop", str(tmp_path)).replace("User=shop", "User=root")
    path = tmp_path / "esputnik.service"
    path.write_text(text)
    if verify is None:
        return
    done = subprocess.run(
        [verify, "verify", "--man=no", str(path)], capture_output=True, text=True, timeout=60
    )
    mine = [line for line in done.stderr.splitlines() if "esputnik" in line]
    assert not mine
    broken = path.with_name("broken.service")
    broken.write_text(text.replace("Restart=always", "Restart=sometimes"))
    done = subprocess.run(
        [verify, "verify", "--man=no", str(broken)], capture_output=True, text=True, timeout=60
    )
    assert "sometimes" in done.stderr  # it does look
