"""What the hosts of repository and pages read: valid by their schemas, and true of the Makefile."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.release import objections

if sys.version_info >= (3, 11):
    import tomllib
else:  # hatchling brings it there
    import tomli as tomllib

ROOT = Path(__file__).resolve().parents[2]
GITHUB = ROOT / ".github"
FORMS = GITHUB / "ISSUE_TEMPLATE"
WORKFLOWS = sorted((GITHUB / "workflows").glob("*.yml"))
SCHEMAS = {
    "github-workflows": WORKFLOWS,
    "dependabot": [GITHUB / "dependabot.yml"],
    "github-issue-forms": [
        GITHUB / "ISSUE_TEMPLATE" / f"{name}.yml" for name in ("bug", "feature")
    ],
    "github-issue-config": [GITHUB / "ISSUE_TEMPLATE" / "config.yml"],
    "readthedocs": [ROOT / ".readthedocs.yaml"],
    "compose-spec": [ROOT / "docker-compose.yml"],
}
PYPROJECT: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text())


def jobs() -> Iterator[tuple[str, dict[str, Any]]]:
    for path in WORKFLOWS:
        for name, job in yaml.safe_load(path.read_text())["jobs"].items():
            yield f"{path.stem}.{name}", job


def made(job: dict[str, Any]) -> list[str]:
    """The make targets that a job calls."""
    runs = "\n".join(step.get("run", "") for step in job["steps"])
    return re.findall(r"\bmake ([a-z]+)", runs)


def targets() -> set[str]:
    return set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))


@pytest.mark.parametrize("schema", SCHEMAS)
def test_a_file_for_a_host_is_what_the_host_takes(schema: str) -> None:
    command = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", f"vendor.{schema}"]
    checked = subprocess.run(
        [*command, *map(str, SCHEMAS[schema])], capture_output=True, text=True, check=False
    )
    assert checked.returncode == 0, checked.stdout


@pytest.mark.parametrize(("name", "job"), list(jobs()))
def test_a_job_calls_make_targets_that_exist(name: str, job: dict[str, Any]) -> None:
    called = made(job)
    assert set(called) <= targets()
    assert called or name == "release.publish"
    assert job["timeout-minutes"] <= 40


def test_the_workflow_calls_whatever_the_own_script_calls() -> None:
    own = set(re.findall(r"^make ([a-z]+)", (ROOT / ".ci" / "run").read_text(), re.MULTILINE))
    hosted = {target for name, job in jobs() if name.startswith("ci.") for target in made(job)}
    assert own
    assert own <= hosted


def test_the_matrix_of_the_workflow_is_that_of_tox() -> None:
    found = dict(jobs())
    tried = {
        (each["python"], each["django"])
        for each in found["ci.suite"]["strategy"]["matrix"]["include"]
    }
    tox = PYPROJECT["tool"]["tox"]["env"]
    assert tried == {
        (re.sub(r"py3(\d+)-.*", r"3.\1", name), env["deps"][0].removeprefix("Django"))
        for name, env in tox.items()
        if "oscar" not in name
    }
    assert set(found["ci.trial"]["strategy"]["matrix"]["python"]) == {pair[0] for pair in tried}
    named = {
        each.rsplit(" ", 1)[1]
        for each in PYPROJECT["project"]["classifiers"]
        if re.search(r"Python :: 3\.\d+$", each)
    }
    assert named == {pair[0] for pair in tried}


def test_every_environment_of_tox_is_in_its_list() -> None:
    tox = PYPROJECT["tool"]["tox"]
    assert sorted(tox["env_list"]) == sorted(tox["env"])


def test_the_release_needs_no_token() -> None:
    publish = dict(jobs())["release.publish"]
    assert publish["permissions"] == {"id-token": "write"}
    for path in WORKFLOWS:
        assert "secrets." not in path.read_text()
        assert yaml.safe_load(path.read_text())["permissions"] == {"contents": "read"}


def test_the_tools_of_pre_commit_are_those_of_make_check() -> None:
    config = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text())
    hooks = [hook["id"] for repo in config["repos"] for hook in repo["hooks"]]
    assert {"ruff-check", "ruff-format", "imports", "migrations"} <= set(hooks)


def test_a_release_is_refused_when_tag_and_code_differ() -> None:
    changelog = "# Changelog\n\n## 1.2.3 – 2026-12-01\n"
    assert objections("v1.2.3", version="1.2.3", changelog=changelog) == []
    (differs,) = objections("v1.2.4", version="1.2.3", changelog=changelog)
    assert "1.2.4" in differs
    (unwritten,) = objections("v2.0.0", version="2.0.0", changelog=changelog)
    assert "## 2.0.0" in unwritten
