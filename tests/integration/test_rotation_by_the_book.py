"""The page about rotating keys, step by step and word for word, with the settings the docs show."""

from __future__ import annotations

import ast
import io
import os
import re
from pathlib import Path
from textwrap import dedent

import pytest
from django.core.management import call_command

from esputnik_connector import checks
from esputnik_connector.exceptions import ConfigurationError, DecryptionError
from esputnik_connector.fields import cipher, reveal
from esputnik_connector.models import CartSession, Connection

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs" / "howto" / "rotate-encryption-keys.md"
VARIABLE = "ESPUTNIK_ENCRYPTION_KEYS"
STEP = re.compile(r"^ +```(console|text)\n(.*?)^ +```$", re.MULTILINE | re.DOTALL)

pytestmark = pytest.mark.django_db


def expression_of(page: str) -> str:
    """What the page tells people to write for ``ENCRYPTION_KEYS``."""
    for block in re.findall(r"^```python\n(.*?)^```$", (ROOT / page).read_text(), re.M | re.S):
        for node in ast.walk(ast.parse(block)):
            for key, value in zip(*_entries(node), strict=True):
                if isinstance(key, ast.Constant) and key.value == "ENCRYPTION_KEYS":
                    return ast.unparse(value)
    raise AssertionError(f"{page} does not show ENCRYPTION_KEYS")


def _entries(node: ast.AST) -> tuple[list, list]:
    return (node.keys, node.values) if isinstance(node, ast.Dict) else ([], [])


def manage(command: str) -> str:
    """Run ``python manage.py …`` here, and return what it prints."""
    words = command.split()
    assert words[:2] == ["python", "manage.py"]
    output = io.StringIO()
    call_command(*words[2:], stdout=output)
    return output.getvalue().strip()


@pytest.mark.parametrize(
    "written_on", ["README.md", "docs/quickstart.md", "docs/reference/settings.md"]
)
@pytest.mark.parametrize("separator", [",", " ", ", ", "\n"])
def test_the_pages_own_steps_rotate_the_keys(settings, monkeypatch, written_on, separator):
    expression = compile(expression_of(written_on), written_on, "eval")

    def restart(value: str) -> None:
        """What a process sees that starts with this variable."""
        monkeypatch.setenv(VARIABLE, value)
        keys = eval(expression, {"os": os})
        settings.ESPUTNIK_CONNECTOR = {**settings.ESPUTNIK_CONNECTOR, "ENCRYPTION_KEYS": keys}
        assert [*checks.check_encryption(), *checks.check_values()] == []

    old, new, shown = manage("python manage.py esputnik_doctor --new-key"), "", ""
    restart(old)
    connection = Connection.objects.create(name="main", api_key="the api key")
    salt = reveal(connection.salt)
    CartSession.objects.create(cart_key="7", email="guest@example.com")

    steps = STEP.findall(PAGE.read_text())
    for kind, block in steps:
        line = dedent(block).strip()
        if kind == "console":
            shown = manage(line)
            new = new or shown
        else:
            name, _, value = line.partition("=")
            assert name == VARIABLE
            restart(value.replace("<new>", new).replace("<old>", old).replace(",", separator))
        stored = Connection.objects.get()
        assert (reveal(stored.api_key), reveal(stored.salt)) == ("the api key", salt)
    assert [kind for kind, _block in steps] == ["console", "text", "console", "text"]
    assert "Encrypted with the first key: 4" in shown
    assert os.environ[VARIABLE] == new
    assert reveal(CartSession.objects.get().email) == "guest@example.com"
    restart(old)
    with pytest.raises(DecryptionError):
        reveal(Connection.objects.get().api_key)


@pytest.mark.parametrize(
    ("written", "what"),
    [
        ("{key}{key}", "Key 1 of 1"), ("{key},short", "Key 2 of 2"), (["{key}", "{key}x"], "Key 2"),
        ("é{rest}", "characters that are in no key"), ("{key};{key}", "89 characters"),
    ],
)  # fmt: skip
def test_a_key_that_is_none_is_named_by_its_place_and_never_shown(settings, written, what):
    key = manage("python manage.py esputnik_doctor --new-key")
    fill = {"key": key, "rest": key[1:]}
    keys = [each.format(**fill) for each in written] if isinstance(written, list) else (
        written.format(**fill)
    )  # fmt: skip
    settings.ESPUTNIK_CONNECTOR = {**settings.ESPUTNIK_CONNECTOR, "ENCRYPTION_KEYS": keys}
    with pytest.raises(ConfigurationError, match=what) as caught:
        cipher()
    assert key[:10] not in str(caught.value)
    assert "44" in str(caught.value)
    (message,) = checks.check_encryption()
    assert message.id == "esputnik_connector.E003"
