"""The docs say what the code says: nothing public is missing, and every Python example compiles."""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Mapping
from dataclasses import fields
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from textwrap import dedent
from typing import Any

import pytest
from django.dispatch import Signal
from django.utils.module_loading import import_string

from esputnik_connector import conf, signals
from esputnik_connector.destinations.esputnik.options import Options
from esputnik_connector.models.labels import NOTES, REASONS
from esputnik_connector.records import Note, Reason
from esputnik_connector.shops.base import CAPABILITIES
from esputnik_connector.shops.oscar.adapter import OscarShop

ROOT = Path(__file__).resolve().parents[2]
DOCS = ROOT / "docs"
PACKAGE = ROOT / "esputnik_connector"
PAGES = sorted(
    [ROOT / "README.md", ROOT / "CONTRIBUTING.md", ROOT / "CHANGELOG.md"]
    + [page for page in DOCS.rglob("*.md") if "_build" not in page.parts]
)
FENCED = re.compile(r"^( *)```(\w*)\n(.*?)^\1```$", re.MULTILINE | re.DOTALL)


def reference(name: str) -> str:
    return (DOCS / "reference" / f"{name}.md").read_text()


def row_of(page: str, first_cell: str) -> str:
    """The row of a table whose first cell is this."""
    found = re.search(rf"^\| {re.escape(first_cell)} \|.*$", page, re.MULTILINE)
    assert found, f"no row for {first_cell}"
    return found[0]


def blocks(language: str) -> list[Any]:
    found = []
    for page in PAGES:
        for match in FENCED.finditer(page.read_text()):
            if match[2] == language:
                line = page.read_text()[: match.start()].count("\n") + 1
                name = f"{page.relative_to(ROOT)}:{line}"
                found.append(pytest.param(dedent(match[3]), id=name))
    return found


def default_in_words(value: object) -> str:
    if isinstance(value, str):
        return f'`"{value}"`'
    if isinstance(value, Mapping) and value:
        return json.dumps(next(iter(value.values()))["BACKEND"])
    return f"`{value!r}`"


def type_in_words(hint: Any) -> str:
    if hint in (str, int, bool):
        return str(hint.__name__)
    return str(hint).replace("collections.abc.", "").replace("typing.", "")


@pytest.mark.parametrize(("name", "hint"), conf.setting_types().items(), ids=str)
def test_a_setting_is_documented_with_its_type_and_default(name: str, hint: Any) -> None:
    page = reference("settings")
    assert f"### {name}\n" in page
    section = re.split(r"^##", page.split(f"### {name}\n")[1], maxsplit=1, flags=re.MULTILINE)[0]
    assert f"Type `{type_in_words(hint)}`" in section
    assert default_in_words(getattr(conf.Settings, name)) in section


def test_no_setting_is_documented_that_does_not_exist() -> None:
    documented = re.findall(r"^### (\w+)$", reference("settings"), re.MULTILINE)
    assert sorted(documented) == sorted(conf.setting_types())


@pytest.mark.parametrize("option", fields(Options), ids=lambda option: option.name)
def test_an_option_of_esputnik_is_documented_with_its_default(option: Any) -> None:
    value = getattr(Options(), option.name)
    default = value if isinstance(value, bool) else json.dumps(value)
    assert f"| `{default}` |" in row_of(reference("settings"), f"`{option.name}`")


COMMANDS = sorted(
    path for path in (PACKAGE / "management" / "commands").glob("*.py") if path.stem != "__init__"
)


@pytest.mark.parametrize("command", COMMANDS, ids=lambda path: path.stem)
def test_a_command_is_documented_with_its_options(command: Path) -> None:
    page = reference("commands")
    assert f"## {command.stem}\n" in page
    section = page.split(f"## {command.stem}\n")[1].split("\n## ")[0]
    for option in re.findall(r"""add_argument\(\s*["'](--[a-z-]+)["']""", command.read_text()):
        assert f"`{option}" in section, option


def test_every_system_check_is_documented_and_no_other() -> None:
    code = "".join(path.read_text() for path in PACKAGE.rglob("*.py"))
    in_code = set(re.findall(r'"(esputnik_connector\.[EW]\d+)"', code))
    assert in_code
    rows = re.findall(r"^\| `(esputnik_connector\.[EW]\d+)`", reference("checks"), re.MULTILINE)
    assert sorted(rows) == sorted(in_code)


def test_every_public_signal_is_documented_and_no_other() -> None:
    in_code = [name for name, value in vars(signals).items() if isinstance(value, Signal)]
    assert in_code
    documented = re.findall(r"^\| `(\w+)` \|", reference("signals"), re.MULTILINE)
    assert sorted(documented) == sorted(in_code)


def test_every_task_is_documented_and_no_other() -> None:
    in_code = re.findall(r'shared_task\(\s*name="([\w.]+)"', (PACKAGE / "tasks.py").read_text())
    assert in_code
    documented = re.findall(r"^\| `(esputnik_connector\.\w+)` \|", reference("tasks"), re.MULTILINE)
    assert sorted(documented) == sorted(in_code)


@pytest.mark.parametrize("word", [*Reason, *Note], ids=lambda word: word.value)
def test_a_reason_or_warning_is_documented_with_its_sentence(word: Reason | Note) -> None:
    sentence = REASONS[word] if isinstance(word, Reason) else NOTES[word]
    assert f"| {sentence} |" in row_of(reference("reasons-and-warnings"), f"`{word.value}`")


@pytest.mark.parametrize("code", blocks("python"))
def test_a_python_example_compiles(code: str) -> None:
    ast.parse(code)


@pytest.mark.parametrize("code", blocks("python"))
def test_an_example_imports_what_exists(code: str) -> None:
    for node in ast.walk(ast.parse(code)):
        path = getattr(node, "module", None) or ""
        if isinstance(node, ast.ImportFrom) and path.startswith("esputnik_connector"):
            module = import_module(path)
            for name in node.names:
                exists = hasattr(module, name.name) or find_spec(f"{path}.{name.name}")
                assert exists, f"{path}.{name.name}"


def test_a_dotted_path_in_the_docs_leads_somewhere() -> None:
    tasks = re.findall(r'name="([\w.]+)"', (PACKAGE / "tasks.py").read_text())
    for page in PAGES:
        for path in re.findall(r"[\"`](esputnik_connector(?:\.\w+)+)[\"`]", page.read_text()):
            if path in tasks or re.search(r"\.[EW]\d+$", path):
                continue
            if not _is_module(path):
                assert import_string(path), f"{page.name}: {path}"


def _is_module(path: str) -> bool:
    place = ROOT.joinpath(*path.split("."))
    return place.with_suffix(".py").exists() or (place / "__init__.py").exists()


def test_the_make_targets_in_the_docs_exist() -> None:
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    for page in PAGES:
        text = page.read_text()
        named = re.findall(r"`make ([a-z]+)", text)
        for match in FENCED.finditer(text):
            if match[2] == "console":
                named += re.findall(r"^ *make ([a-z]+)", match[3], re.MULTILINE)
        assert set(named) <= targets, page.name


def test_the_readme_has_the_two_commands_word_for_word() -> None:
    commands = [block.values[0].strip() for block in blocks("console")]
    assert {"make demo", "make test"} <= set(commands)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_a_link_to_a_file_leads_to_one(page: Path) -> None:
    for target in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", page.read_text()):
        assert (page.parent / target).exists(), target


def test_every_decision_is_in_the_index() -> None:
    folder = DOCS / "explanation" / "decisions"
    pages = {page.stem for page in folder.glob("[0-9]*.md")}
    listed = set(re.findall(r"^(\d{3}-[\w-]+)$", (folder / "index.md").read_text(), re.MULTILINE))
    assert pages == listed


def test_every_capability_of_a_shop_is_documented_with_its_methods_and_no_other() -> None:
    page = reference("shop-adapter")
    documented = re.findall(r"^\| `(Supports\w+)` \|", page, re.MULTILINE)
    assert documented == [capability.__name__ for capability in CAPABILITIES]
    for capability in CAPABILITIES:
        methods = [name for name in vars(capability) if callable(getattr(capability, name))]
        public = [name for name in methods if not name.startswith("_")]
        assert ", ".join(f"`{name}`" for name in public) in row_of(page, f"`{capability.__name__}`")


@pytest.mark.parametrize("option", OscarShop.option_names)
def test_an_option_of_the_oscar_shop_is_documented(option: str) -> None:
    assert row_of(reference("oscar-shop"), f"`{option}`")
