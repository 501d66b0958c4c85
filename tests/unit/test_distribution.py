"""What the package index gets: a wheel with the package alone, all it needs declared, and a page
whose links lead somewhere."""

from __future__ import annotations

import ast
import email
import re
import subprocess
import sys
import tarfile
import zipfile
from collections.abc import Iterator
from email.message import Message
from functools import cache
from importlib.metadata import distributions, metadata
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = ROOT / "esputnik_connector"
EXTRA_OF_ROOM = {"shops/oscar": "oscar", "management": "cli", "testing": "testing"}
BUILD = "from hatchling import build; build.build_wheel({0!r}); build.build_sdist({0!r})"
NEVER_DECLARED = {"esputnik_connector", "__future__"}


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("dist")
    subprocess.run([sys.executable, "-c", BUILD.format(str(folder))], cwd=ROOT, check=True)
    return folder


@pytest.fixture(scope="module")
def wheel(built: Path) -> zipfile.ZipFile:
    return zipfile.ZipFile(next(built.glob("*.whl")))


@pytest.fixture(scope="module")
def described(wheel: zipfile.ZipFile) -> Message:
    (name,) = (name for name in wheel.namelist() if name.endswith(".dist-info/METADATA"))
    return email.message_from_bytes(wheel.read(name))


def requirements(described: Message) -> list[Requirement]:
    return [Requirement(line) for line in described.get_all("Requires-Dist", [])]


def declared(described: Message, extra: str = "") -> dict[str, Requirement]:
    """Distributions that a bare installation brings, or those of one extra."""
    found = {}
    for each in requirements(described):
        belongs = re.search(r"extra == ['\"](\w+)['\"]", str(each.marker or ""))
        if (belongs[1] if belongs else "") == extra:
            found[canonicalize_name(each.name)] = each
    return found


def imports(path: Path) -> Iterator[tuple[str, bool]]:
    """Top-level module, and whether it is imported only when a function is called."""
    tree = ast.parse(path.read_text())
    late = {
        id(inner)
        for outer in ast.walk(tree)
        if isinstance(outer, ast.FunctionDef)
        for inner in ast.walk(outer)
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((name.name.split(".")[0], id(node) in late) for name in node.names)
        elif isinstance(node, ast.ImportFrom) and not node.level and node.module:
            yield node.module.split(".")[0], id(node) in late


@cache
def owners() -> dict[str, set[str]]:
    """Top-level module → the distributions that have files of it."""
    found: dict[str, set[str]] = {}
    for each in distributions():
        files = (each.read_text("RECORD") or "").splitlines()  # each.files costs ten times as much
        for top in {line.split(",")[0].split("/")[0].removesuffix(".py") for line in files}:
            found.setdefault(top, set()).add(canonicalize_name(each.metadata["Name"]))
    return found


def third_party() -> Iterator[tuple[Path, str, bool]]:
    for path in sorted(PACKAGE.rglob("*.py")):
        for module, is_late in imports(path):
            if module not in sys.stdlib_module_names and module not in NEVER_DECLARED:
                yield path, module, is_late


def test_every_imported_distribution_is_declared(described: Message) -> None:
    owned, seen = owners(), set()
    for path, module, is_late in third_party():
        place = str(path.relative_to(PACKAGE))
        allowed = dict(declared(described))
        for room, extra in EXTRA_OF_ROOM.items():
            if place.startswith(room):
                allowed |= declared(described, extra)
        if is_late:  # asked for only where a setting names it
            allowed |= declared(described, "redis")
        of = owned.get(module, set())
        assert of & set(allowed), f"{place} imports {module}, of {of or 'nobody'}"
        seen |= of
    assert {"django", "celery", "requests", "django-oscar", "redis"} <= seen


def test_nothing_is_declared_that_nobody_imports(described: Message) -> None:
    owned = owners()
    imported = {name for _path, module, _late in third_party() for name in owned.get(module, ())}
    assert set(declared(described)) <= imported


def test_django_and_oscar_have_a_lowest_and_a_highest_version(described: Message) -> None:
    bounded = {**declared(described), **declared(described, "oscar")}
    for name in ("django", "django-oscar"):
        assert {part.operator for part in bounded[name].specifier} == {">=", "<"}, name


def test_the_classifiers_name_what_oscar_names(described: Message) -> None:
    """Each Python and Django of the installed Oscar's, from our lowest on."""
    ours = set(described.get_all("Classifier", []))
    bounds = declared(described)["django"].specifier
    for each in metadata("django-oscar").get_all("Classifier") or []:
        if found := re.search(r"Framework :: Django :: (\d\S+)$", each):
            assert each in ours or not bounds.contains(found[1]), each
        assert each in ours or not re.search(r"Python :: 3\.1\d$", each), each
    named = [each.rsplit(" ", 1)[1] for each in ours if re.search(r"Django :: \d", each)]
    assert len(named) >= 4
    assert all(bounds.contains(version) for version in named)


def test_the_page_of_the_index_has_no_relative_link(described: Message) -> None:
    page = str(described.get_payload())
    links = re.findall(r"\]\(([^)\s]+)\)", page)
    assert len(links) > 15
    assert [link for link in links if not link.startswith(("https://", "#"))] == []


def test_a_link_of_the_index_page_leads_to_the_same_file_as_in_the_repository(
    described: Message,
) -> None:
    here = re.findall(r"\]\((?!https?:|#)([^)\s]+)\)", (ROOT / "README.md").read_text())
    page = str(described.get_payload())
    urls = dict(line.split(", ", 1) for line in described.get_all("Project-URL", []))
    for link in here:
        path, _, anchor = link.partition("#")
        shown = f"{urls['Source']}/blob/main/{path}"
        if path.startswith("docs/"):
            html = path.removeprefix("docs/").removesuffix(".md") + ".html"
            shown = f"{urls['Documentation']}en/latest/{html}" + (f"#{anchor}" if anchor else "")
        assert f"]({shown})" in page, link


def test_the_project_says_where_it_lives(described: Message) -> None:
    names = [line.split(", ", 1)[0] for line in described.get_all("Project-URL", [])]
    assert sorted(names) == ["Changelog", "Documentation", "Issues", "Source"]


def test_the_index_can_show_what_is_uploaded(built: Path) -> None:
    command = [sys.executable, "-m", "twine", "check", "--strict", *map(str, built.iterdir())]
    checked = subprocess.run(command, capture_output=True, text=True, check=False)
    assert checked.returncode == 0, checked.stdout


def test_the_wheel_has_the_package_with_its_files_and_nothing_else(
    wheel: zipfile.ZipFile,
) -> None:
    names = wheel.namelist()
    assert {name.split("/")[0] for name in names if ".dist-info/" not in name} == {PACKAGE.name}
    for kept in PACKAGE.rglob("*"):
        if kept.is_file() and kept.suffix in {".py", ".html", ".js", ".css", ".mo", ".json"}:
            assert str(kept.relative_to(ROOT)) in names
    assert f"{PACKAGE.name}/py.typed" in names


def test_the_source_distribution_has_tests_and_docs(built: Path) -> None:
    with tarfile.open(next(built.glob("*.tar.gz"))) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}
    kept = [
        str(path.relative_to(ROOT))
        for folder in ("tests", "docs", "sandbox_project")
        for path in (ROOT / folder).rglob("*")
        if path.suffix in {".py", ".md", ".json", ".svg", ".yaml", ".rng"}
        and "_build" not in path.parts
    ]
    assert len(kept) > 300
    assert {*kept, "Makefile", "CHANGELOG.md", "manage.py"} <= names
