"""Ctrl-C while a command works: at which moment it is heard, and what is taken for it."""

from __future__ import annotations

import os
import signal
import threading

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError
from django.db import OperationalError

from esputnik_connector.management.base import INTERRUPTED, ReportingCommand
from esputnik_connector.management.interrupts import DeferredInterrupt, is_interrupt


def press_ctrl_c() -> None:
    os.kill(os.getpid(), signal.SIGINT)


def test_it_waits_for_the_moment_that_was_chosen(capfd):
    done = []
    with pytest.raises(KeyboardInterrupt), DeferredInterrupt() as interrupt:
        interrupt.check()  # nothing was pressed
        press_ctrl_c()
        done.append("the statement under way")
        interrupt.check()
        done.append("the next page")
    assert done == ["the statement under way"]
    assert "Ctrl-C again stops at once." in capfd.readouterr().err


def test_a_second_one_does_not_wait():
    done = []
    with pytest.raises(KeyboardInterrupt), DeferredInterrupt():
        press_ctrl_c()
        done.append("a request that hangs")
        press_ctrl_c()
        done.append("its answer")
    assert done == ["a request that hangs"]


def test_what_was_never_asked_for_is_raised_at_the_end():
    with pytest.raises(KeyboardInterrupt), DeferredInterrupt():
        press_ctrl_c()


def test_an_error_of_the_work_is_told_before_it():
    with pytest.raises(ZeroDivisionError), DeferredInterrupt():
        press_ctrl_c()
        raise ZeroDivisionError


def test_afterwards_it_is_heard_as_before():
    before = signal.getsignal(signal.SIGINT)
    with DeferredInterrupt():
        assert signal.getsignal(signal.SIGINT) != before
    assert signal.getsignal(signal.SIGINT) == before


def test_whoever_closed_the_terminal_s_output_is_heard_all_the_same(monkeypatch):
    closed = os.open(os.devnull, os.O_RDONLY)
    monkeypatch.setattr("esputnik_connector.management.interrupts.STDERR", closed)
    with pytest.raises(KeyboardInterrupt), DeferredInterrupt() as interrupt:
        press_ctrl_c()
        interrupt.check()
    os.close(closed)


def test_another_thread_hears_nothing_and_works():
    done = []

    def work() -> None:
        with DeferredInterrupt() as interrupt:
            interrupt.check()
            done.append("a page")

    thread = threading.Thread(target=work)
    thread.start()
    thread.join(5)
    assert done == ["a page"]


def interrupted_while_tidying(last: Exception) -> BaseException:
    try:
        try:
            raise KeyboardInterrupt
        finally:
            raise last
    except Exception as error:
        return error


def test_what_came_of_it_is_taken_for_it():
    assert is_interrupt(KeyboardInterrupt())
    assert is_interrupt(interrupted_while_tidying(OperationalError("another command")))
    wrapped = OperationalError()
    wrapped.__context__ = interrupted_while_tidying(ValueError())
    assert is_interrupt(wrapped)


def test_no_other_error_is():
    assert not is_interrupt(OperationalError("the database is gone"))
    assert not is_interrupt(SystemExit(1))


class Failing(ReportingCommand):
    error: BaseException

    def handle(self, **_options: object) -> None:
        raise self.error


def test_a_command_that_was_stopped_says_so_whatever_its_end_was(capsys):
    command = Failing()
    command.error = interrupted_while_tidying(OperationalError("another command"))
    with pytest.raises(SystemExit) as ended:
        call_command(command)
    assert ended.value.code == INTERRUPTED
    assert capsys.readouterr().err.strip() == "Stopped."


def test_a_command_tells_of_its_own_errors_as_before():
    command = Failing()
    command.error = CommandError("There is no such connection.")
    with pytest.raises(CommandError, match="no such connection"):
        call_command(command)
