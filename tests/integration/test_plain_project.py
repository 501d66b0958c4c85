"""A project without Oscar: the page about a shop of one's own, followed to the end."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from esputnik_connector.conf import conf
from esputnik_connector.testing.fake_esputnik import FakeEsputnik

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs" / "howto" / "a-shop-that-is-not-oscar.md"
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
FAKE = "python -m esputnik_connector.testing.fake_esputnik"

MANAGE = """
import os
import sys

for name in ("oscar", "phonenumber_field"):  # as if they were not installed
    sys.modules[name] = None
os.environ["DJANGO_SETTINGS_MODULE"] = "settings"
from django.core.management import execute_from_command_line

execute_from_command_line(sys.argv)
"""


def blocks() -> Iterator[tuple[str, str, str]]:
    """Language, name (the comment in the first line) and code of each block, in order."""
    for language, code in BLOCK.findall(PAGE.read_text()):
        first, _, rest = code.partition("\n")
        is_named = language == "python" and first.startswith("# ")
        yield language, first.removeprefix("# ") if is_named else "", rest if is_named else code


class Project:
    """A folder in which somebody does what the page says."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.said = ""
        self.write("manage.py", MANAGE)
        self.write("plainshop/__init__.py", "")

    def write(self, name: str, code: str) -> None:
        path = self.folder / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(code)

    def manage(self, *arguments: str, is_well: bool = True, script: str = "manage.py") -> str:
        env = {
            **{name: value for name, value in os.environ.items() if not name.startswith("DJANGO")},
            "PYTHONPATH": str(ROOT),
            "ESPUTNIK_ENCRYPTION_KEYS": conf.ENCRYPTION_KEYS[0],
        }
        done = subprocess.run(
            [sys.executable, script, *arguments],
            cwd=self.folder, env=env, capture_output=True, text=True, check=False,
        )  # fmt: skip
        self.said = done.stdout + done.stderr
        assert (done.returncode == 0) is is_well, self.said
        return self.said


@pytest.fixture
def project(tmp_path: Path) -> Project:
    return Project(tmp_path)


def test_the_shop_of_the_page_is_the_one_that_the_contract_is_run_over():
    shown = {name: code for _, name, code in blocks() if name.startswith("plainshop/")}
    assert len(shown) == 5
    for name, code in shown.items():
        assert (ROOT / "tests" / name).read_text() == code, name


def test_the_page_can_be_followed_to_the_first_order(project):
    with FakeEsputnik() as fake:
        for language, name, code in blocks():
            code = code.replace("http://127.0.0.1:8090/api", fake.api_url)
            if name == "shell":
                project.manage("shell", "-c", code)
                time.sleep(conf.DEBOUNCE_SECONDS + 0.5)
            elif name:
                project.write(name, code)
            elif language == "console":
                for line in code.splitlines():
                    if line.startswith("python manage.py "):
                        project.manage(*line.split()[2:])
                    else:
                        assert line.startswith(("pip install ", FAKE)), line
        assert "main: 1 accepted\nmain: 1 delivered" in project.said
        assert fake.orders["A-1"]["body"]["totalCost"] == 240
        assert [one["email"] for one in fake.all_contacts] == ["olena@example.com"]
        assert fake.violations == []


@pytest.mark.parametrize(
    ("script", "words"),
    [
        ("manage.py", "pip install 'django-esputnik-connector[oscar]'"),
        ("with_oscar.py", "yours has no settings of Oscar"),
    ],
    ids=["not installed", "installed and not used"],
)
def test_without_oscar_its_adapter_says_what_to_do(project, script, words):
    for _, name, code in blocks():
        if name.endswith(("settings.py", "urls.py", "models.py")):
            project.write(name, code.replace('    "SHOP": "plainshop.adapter.PlainShop",\n', ""))
    project.write("with_oscar.py", MANAGE.replace('("oscar", "phonenumber_field")', "()"))
    said = project.manage("check", is_well=False, script=script)
    assert words in said
    assert "esputnik_connector.E002" in said
    assert "Traceback" not in said
