"""Each finding of the doctor has a code that programs may rely on, and a row on its page."""

from __future__ import annotations

import ast
import json
import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
REFERENCE = ROOT / "docs" / "reference"
SCHEMA = json.loads((REFERENCE / "findings.schema.json").read_text())


def codes_in_code() -> set[str]:
    health = sorted((ROOT / "esputnik_connector" / "operations" / "health").glob("*.py"))
    command = ROOT / "esputnik_connector" / "management" / "commands" / "esputnik_doctor.py"
    found = set()
    for path in (*health, command):
        for node in ast.walk(ast.parse(path.read_text())):
            if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Name):
                continue
            if node.func.id in ("ok", "warning", "problem", "find"):
                found |= {one.value for one in node.args[:1] if isinstance(one, ast.Constant)}
            if node.func.id == "Alert":
                found |= {one.value.value for one in node.keywords if one.arg == "code"}
    return found


def test_each_code_is_in_the_schema_and_on_its_page_and_no_other():
    known = set(SCHEMA["items"]["properties"]["code"]["anyOf"][0]["enum"])
    page = (REFERENCE / "findings.md").read_text()
    documented = re.findall(r"^\| `(\w+)` \| \w* ?\|", page, re.MULTILINE)
    assert len(known) > 70
    assert codes_in_code() == known
    assert sorted(documented) == sorted(known)
