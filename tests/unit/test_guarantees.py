"""Each promise of the page about them says where it ends, and names tests that exist."""

from __future__ import annotations

import ast
import re
from functools import cache
from pathlib import Path

import pytest

from tests.chaos.judge import CHECKS, in_words

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs" / "explanation" / "guarantees.md"
PROMISE = re.compile(r"^### (.+)$", re.MULTILINE)
PROOF = re.compile(r"`(tests/[\w/]+\.py)::(\w+)`")
QUESTIONS = re.compile(r"Chaos: \*(.+?)\*\.", re.DOTALL)


def promises() -> dict[str, str]:
    """Promise → what the page says of it."""
    _, *parts = PROMISE.split(PAGE.read_text())
    texts = (re.split(r"^## ", text, maxsplit=1, flags=re.MULTILINE)[0] for text in parts[1::2])
    return dict(zip(parts[::2], texts, strict=True))


@cache
def names_of(path: str) -> set[str]:
    tree = ast.parse((ROOT / path).read_text())
    found = {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)}
    return {name for name in found if name.startswith("test_")}


@pytest.mark.parametrize("promise", promises())
def test_a_promise_has_a_limit_and_proofs_that_exist(promise):
    text = promises()[promise]
    assert text.count("*Limit.*") == text.count("*Proof.*") == 1
    proofs = PROOF.findall(text.partition("*Proof.*")[2])
    assert len(proofs) >= 3
    missing = [f"{path}::{name}" for path, name in proofs if name not in names_of(path)]
    assert missing == []


def test_every_path_of_a_test_on_the_page_is_a_proof():
    text = PAGE.read_text()
    assert len(re.findall(r"tests/[\w/]+\.py", text)) == len(PROOF.findall(text))


def test_every_question_of_the_storm_is_one_that_the_judge_asks():
    asked = {in_words(check) for check in CHECKS}
    summed_up = "every customer, order and cart is there as the shop has it"
    assert summed_up not in asked
    for words in QUESTIONS.findall(PAGE.read_text()):
        questions = {" ".join(one.split()).replace(",", "") for one in words.split(";")}
        assert questions - {summed_up.replace(",", "")} <= asked


def test_no_promise_falls_out_of_the_page():
    assert {
        "Nothing is lost",
        "“Delivered” is said of what was proven",
        "Newer is not overwritten by older",
        "The right person",
        "One bad record holds back no other",
        "The right thing pauses",
        "The books add up",
        "At most one event per state of an order",
        "History is quiet by choice",
        "A mistake stops before it spreads",
        "Nobody becomes mailable unasked",
        "Erased stays erased",
        "The shop never waits and never breaks",
        "Several databases, and a replica",
        "A copy of the database does not send",
        "Secrets and personal data stay put",
        "One price, one id",
    } <= promises().keys()
