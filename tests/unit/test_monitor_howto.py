"""The page on monitoring, by its own words: its JSON lines hold what it says they hold."""

from __future__ import annotations

import io
import json
import logging
import logging.config
import re
from pathlib import Path
from typing import Any

import pytest

from esputnik_connector.destinations.base import Receipt
from esputnik_connector.models import Connection, Lane
from esputnik_connector.pipeline.delivery.lane import log_outcomes
from esputnik_connector.records import Kind, Outcome, Reason

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "howto" / "monitor.md").read_text()


def block(having: str) -> str:
    (found,) = [one for one in re.findall(r"```python\n(.*?)```", PAGE, re.S) if having in one]
    return str(found)


@pytest.fixture
def lines():
    """What the page's own configuration writes."""
    loggers = [logging.getLogger("esputnik_connector"), logging.getLogger()]
    before = [(one.handlers[:], one.level, one.propagate) for one in loggers]
    names: dict[str, Any] = {}
    exec(block("LOGGING"), names)  # the page's own code
    logging.config.dictConfig(names["LOGGING"])
    output = io.StringIO()
    for handler in logging.getLogger("esputnik_connector").handlers:
        handler.setStream(output)
    yield lambda: [json.loads(line) for line in output.getvalue().splitlines()]
    for one, (handlers, level, propagate) in zip(loggers, before, strict=True):
        one.handlers[:], one.level, one.propagate = handlers, level, propagate


def test_a_settled_batch_is_a_line_of_json(lines):
    lane = Lane(connection=Connection(name="main"), kind="order")
    log_outcomes(
        lane,
        [
            Receipt(kind=Kind.ORDER, key="100", outcome=Outcome.DELIVERED),
            Receipt(
                kind=Kind.ORDER, key="101", outcome=Outcome.REJECTED, reason=Reason.REFUSED,
                detail="no such field",
            ),
        ],
    )  # fmt: skip
    first, second = lines()
    assert first["message"] == "lane main order: 1 delivered"
    assert (second["outcome"], second["reason"], second["keys"]) == ("rejected", "refused", ["101"])
    table = re.findall(r"^\| (`.*?) \|", PAGE.split("## Logs")[1], re.MULTILINE)
    documented = re.findall(r"`(\w+)`", " ".join(table))
    assert set(documented) == set(first) - {"time", "level", "logger", "message"}


def test_a_failure_keeps_its_traceback(lines):
    try:
        raise LookupError("why")
    except LookupError:
        logging.getLogger("esputnik_connector.tests").exception("it failed")
    (line,) = lines()
    assert "LookupError: why" in line["traceback"]
