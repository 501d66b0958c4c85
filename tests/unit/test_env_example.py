"""``.env.example`` names every variable that the sandbox's settings read, and no other."""

from __future__ import annotations

import ast
import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def variables_read() -> set[str]:
    """First arguments of ``env(…)`` and ``env.<type>(…)`` in the settings."""
    tree = ast.parse((ROOT / "sandbox_project" / "settings.py").read_text())
    names = set()
    for call in (node for node in ast.walk(tree) if isinstance(node, ast.Call)):
        reader = call.func.value if isinstance(call.func, ast.Attribute) else call.func
        if isinstance(reader, ast.Name) and reader.id == "env" and call.args:
            name = call.args[0]
            if isinstance(name, ast.Constant) and isinstance(name.value, str):
                names.add(name.value)
    return names


def lines_of_example() -> list[str]:
    return (ROOT / ".env.example").read_text().splitlines()


def variables_explained() -> set[str]:
    matches = (re.match(r"#?([A-Z_]+)=", line) for line in lines_of_example())
    return {match[1] for match in matches if match}


def test_settings_read_variables() -> None:
    assert {"DATABASE_URL", "REDIS_URL", "SECRET_KEY", "ESPUTNIK_ENCRYPTION_KEYS"} <= (
        variables_read()
    )


def test_every_variable_is_in_the_example_and_nothing_else() -> None:
    assert variables_explained() == variables_read()


def test_every_variable_has_a_comment() -> None:
    lines = lines_of_example()
    for number, line in enumerate(lines):
        if re.match(r"#?[A-Z_]+=", line):
            before = lines[number - 1]
            assert before.startswith("#") or re.match(r"#?[A-Z_]+=", before), line


def test_no_secret_in_the_example() -> None:
    secrets = [line for line in lines_of_example() if re.match(r"#?\w*(KEY|KEYS)=", line)]
    assert secrets
    assert all(line.endswith("=") for line in secrets)
