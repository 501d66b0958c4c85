"""Whatever a reader may copy from a page is taken by the program it is meant for."""

from __future__ import annotations

import ast
import configparser
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
import yaml
from celery.bin.beat import beat
from celery.bin.worker import worker
from django.core.management import get_commands, load_command_class
from packaging.requirements import Requirement

from esputnik_connector import conf

from .test_docs import PAGES, ROOT, blocks

if sys.version_info >= (3, 11):
    import tomllib
else:  # hatchling brings it there
    import tomli as tomllib

EXTRAS = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]
CELERY = {"worker": worker, "beat": beat}
# Programs that are not ours: the page names them, and we do not test them.
OTHERS = {".", ":", "cd", "curl", "django-admin", "docker", "echo", "export", "make", "mkdir"}
OTHERS |= {"cat", "journalctl", "pip", "python3", "systemctl", "systemd-analyze"}
YOURS = {"yourproject", "plainshop"}  # packages of the reader's


def lines(block: str) -> Iterator[list[str]]:
    """The commands of a block, without prompts, comments, and what a shell does with the output."""
    for line in block.replace("\\\n", " ").splitlines():
        words = shlex.split(line, comments=True)
        for sign in ("<", "|", ">", "&&"):
            words = words[: words.index(sign)] if sign in words else words
        if words:
            yield words


def commands(program: str) -> list[Any]:
    """Every command of every page that this program runs, once."""
    found = {}
    for block in blocks("console"):
        for words in lines(block.values[0]):
            if words[: len(program.split())] == program.split():
                rest = words[len(program.split()) :]
                found[" ".join(rest)] = pytest.param(rest, id=f"{block.id} {' '.join(rest)}"[:90])
    return list(found.values())


@pytest.mark.parametrize("words", commands("python manage.py"))
def test_a_management_command_of_a_page_takes_its_options(words: list[str]) -> None:
    name, *arguments = words
    app = get_commands()[name]
    command = load_command_class(app, name) if isinstance(app, str) else app
    parser = command.create_parser("manage.py", name)
    here = {"crm": "default"}  # the second database of an example
    parser.parse_args([here.get(word, word) for word in arguments if word != "…"])


@pytest.mark.parametrize("words", commands("celery"))
def test_a_command_of_celery_takes_its_options(words: list[str]) -> None:
    flag, _project, program, *options = words
    assert flag == "-A"
    CELERY[program].make_context(program, options, resilient_parsing=True)
    known = {name for param in CELERY[program].params for name in param.opts}
    assert {word.partition("=")[0] for word in options if word.startswith("-")} <= known


@pytest.mark.parametrize("words", commands("pip install"))
def test_an_extra_that_a_page_installs_exists(words: list[str]) -> None:
    for word in words:
        if word.startswith("django-esputnik-connector"):
            assert Requirement(word).extras <= set(EXTRAS)


def test_a_page_names_no_program_that_nobody_knows() -> None:
    named = {words[0] for block in blocks("console") for words in lines(block.values[0])}
    assert named <= OTHERS | {"python", "celery"}, named - OTHERS


@pytest.mark.parametrize("code", blocks("python"))
def test_a_setting_of_an_example_exists(code: str) -> None:
    for node in ast.walk(ast.parse(code)):
        for name in _settings_in(node):
            assert name in conf.setting_types(), name


@pytest.mark.parametrize("code", blocks("python"))
def test_an_example_imports_what_can_be_installed(code: str) -> None:
    for node in ast.walk(ast.parse(code)):
        path = (getattr(node, "module", None) or "") if isinstance(node, ast.ImportFrom) else ""
        if path and not node.level and path.split(".")[0] not in YOURS:
            module = import_module(path)
            for name in (each.name for each in node.names if each.name != "*"):
                assert hasattr(module, name) or find_spec(f"{path}.{name}"), f"{path}.{name}"


def _settings_in(node: ast.AST) -> Iterator[str]:
    """Keys of ``ESPUTNIK_CONNECTOR = {…}`` and of ``ESPUTNIK_CONNECTOR["…"]``."""
    if isinstance(node, ast.Assign) and isinstance(node.value, ast.Dict):
        names = [target.id for target in node.targets if isinstance(target, ast.Name)]
        if "ESPUTNIK_CONNECTOR" in names:
            yield from (key.value for key in node.value.keys if isinstance(key, ast.Constant))
    elif isinstance(node, ast.Subscript) and ast.unparse(node.value) == "ESPUTNIK_CONNECTOR":
        yield str(ast.literal_eval(node.slice))


@pytest.mark.parametrize("code", [*blocks("yaml"), *blocks("yml")])
def test_an_example_in_yaml_can_be_read(code: str) -> None:
    for document in yaml.safe_load_all(code):
        assert isinstance(document, dict)


def test_the_example_for_compose_is_what_compose_takes(tmp_path: Path) -> None:
    (code,) = (block.values[0] for block in blocks("yaml") if "\nservices:" in block.values[0])
    file = tmp_path / "compose.yml"
    file.write_text(code)
    command = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", "vendor.compose-spec"]
    checked = subprocess.run([*command, str(file)], capture_output=True, text=True, check=False)
    assert checked.returncode == 0, checked.stdout


@pytest.mark.parametrize("code", blocks("ini"))
def test_an_example_of_a_supervisor_can_be_read(code: str, tmp_path: Path) -> None:
    read = configparser.ConfigParser(strict=True, interpolation=None)
    read.optionxform = str  # type: ignore[assignment, method-assign]
    read.read_string(code)
    assert read.sections()
    if "Service" in read and (analyze := shutil.which("systemd-analyze")):
        name = Path(code.splitlines()[0].removeprefix("# ")).name
        unit = tmp_path / name
        start = read["Service"]["ExecStart"].split()[0]
        unit.write_text(code.replace(start, sys.executable))  # systemd wants one that is there
        checked = subprocess.run(
            [analyze, "verify", "--man=no", str(unit)], capture_output=True, text=True, check=False
        )
        mine = [line for line in checked.stderr.splitlines() if name in line]
        assert mine == []


def test_there_are_blocks_of_each_sort() -> None:
    for language in ("console", "python", "yaml", "ini"):
        assert blocks(language), language
    assert len(PAGES) > 60
