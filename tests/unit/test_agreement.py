"""A command that does what cannot be undone asks first, in the words of whoever sits there."""

from __future__ import annotations

import io
import sys
from argparse import ArgumentParser
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.utils import translation

from esputnik_connector.management.base import ReportingCommand


class Command(ReportingCommand):
    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--yes", action="store_true")

    def handle(self, *_args: Any, **options: Any) -> str:
        return "done" if self.is_agreed("Really? ", is_sure=options["yes"]) else "left"


@pytest.fixture
def asked(monkeypatch):
    """Somebody sits at the terminal, and gives an answer; the questions that they were asked."""
    questions: list[str] = []

    def sit(answer: str) -> list[str]:
        terminal = io.StringIO()
        monkeypatch.setattr(terminal, "isatty", lambda: True, raising=False)
        monkeypatch.setattr(sys, "stdin", terminal)
        monkeypatch.setattr("builtins.input", lambda said: questions.append(said) or answer)
        return questions

    return sit


def run(*arguments: str) -> str:
    return call_command(Command(stdout=io.StringIO()), *arguments)


@pytest.mark.parametrize("answer", ["y", "Y", "yes", " YES "])
def test_a_yes_is_a_yes(asked, answer):
    assert asked(answer) == []
    assert run() == "done"


@pytest.mark.parametrize("answer", ["", "n", "no", "ye", "yes please", "да", "так"])
def test_whatever_else_is_said_leaves_everything_as_it_is(asked, answer):
    asked(answer)
    assert run() == "left"


@pytest.mark.parametrize("answer", ["так", "Так", "y", "yes"])
def test_who_reads_ukrainian_may_answer_in_it(asked, answer):
    asked(answer)
    with translation.override("uk"):
        assert run() == "done"


def test_the_question_is_asked_once_and_says_what_it_is_about(asked):
    questions = asked("y")
    run()
    assert questions == ["Really? "]


def test_who_is_sure_is_not_asked(asked):
    questions = asked("n")
    assert run("--yes") == "done"
    assert questions == []


def test_where_nobody_sits_it_refuses_and_says_how_to_be_sure(monkeypatch):
    """As in a cron job, whatever its input holds."""
    monkeypatch.setattr(sys, "stdin", io.StringIO("y\n"))
    with pytest.raises(CommandError, match="--yes"):
        run()
