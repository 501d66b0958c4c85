"""``docker-compose.yml``, as far as it can be proven without an engine."""

from __future__ import annotations

import importlib.util
import re
import shlex
from pathlib import Path
from typing import Any

import pytest
import yaml

from .test_env_example import variables_read

ROOT = Path(__file__).resolve().parents[2]
COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
OURS = sorted(name for name, service in SERVICES.items() if "build" in service)
CONDITIONS = {"service_started", "service_healthy", "service_completed_successfully"}
KNOWN_OUTSIDE_SETTINGS = {"DJANGO_SETTINGS_MODULE"}


def commands_of(service: dict[str, Any]) -> list[list[str]]:
    """The command, or the lines of a ``sh -ec`` script."""
    command = service["command"]
    if command[:2] == ["sh", "-ec"]:
        return [shlex.split(line) for line in command[2].splitlines() if line]
    return [command]


def test_all_parts_are_there() -> None:
    assert {"db", "redis", "fake", "setup", "web", "worker", "beat", "story"} == set(SERVICES)


@pytest.mark.parametrize("name", OURS)
def test_commands_run_what_exists(name: str) -> None:
    for command in commands_of(SERVICES[name]):
        assert command[0] == "python"
        if command[1] == "-m":
            assert importlib.util.find_spec(command[2]), command
        else:
            assert (ROOT / command[1]).is_file()
            assert command[2] in {"migrate", "seed", "connect"}


@pytest.mark.parametrize("name", OURS)
def test_variables_are_known_to_the_settings(name: str) -> None:
    known = variables_read() | KNOWN_OUTSIDE_SETTINGS
    assert set(SERVICES[name]["environment"]) <= known


def test_all_our_services_share_database_broker_and_keys() -> None:
    first, *others = (SERVICES[name] for name in OURS)
    for other in others:
        assert other["environment"] == first["environment"]
        assert other["volumes"] == first["volumes"]


@pytest.mark.parametrize("name", sorted(SERVICES))
def test_dependencies_can_be_met(name: str) -> None:
    for other, wanted in SERVICES[name].get("depends_on", {}).items():
        assert wanted["condition"] in CONDITIONS
        if wanted["condition"] == "service_healthy":
            assert "healthcheck" in SERVICES[other]


def test_shop_waits_for_a_seeded_database() -> None:
    assert {"db", "redis", "fake"} == set(SERVICES["setup"]["depends_on"])
    for name in ("web", "worker", "beat"):
        condition = SERVICES[name]["depends_on"]["setup"]["condition"]
        assert condition == "service_completed_successfully"


def test_nothing_is_published_beyond_this_machine() -> None:
    ports = [port for service in SERVICES.values() for port in service.get("ports", ())]
    assert ports
    assert all(port.startswith("127.0.0.1:") for port in ports)


def test_volumes_are_declared() -> None:
    used = {
        volume.split(":")[0]
        for service in SERVICES.values()
        for volume in service.get("volumes", ())
    }
    assert used == set(COMPOSE["volumes"])


def test_image_copies_what_exists() -> None:
    lines = (ROOT / "Dockerfile").read_text().splitlines()
    copied = [match[1] for line in lines if (match := re.match(r"COPY (.+) \S+$", line))]
    assert copied
    for name in " ".join(copied).split():
        assert (ROOT / name).exists(), name
