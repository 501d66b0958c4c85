"""What ``make chaos`` will do is drawn from its seed before anything runs."""

from __future__ import annotations

import random
from typing import get_args

import pytest

from esputnik_connector.testing.fake_esputnik import Fault
from esputnik_connector.testing.fake_esputnik.faults import Kind
from tests.chaos.cast import in_letters, pick
from tests.chaos.faults import Trouble, deck
from tests.chaos.office import Office
from tests.chaos.schedule import APART, CLOCKS, LEASE_SECONDS, OFFICE, VISITOR, drawn
from tests.chaos.visitors import Visitor

STORM = 120.0


def test_the_same_seed_draws_the_same_schedule():
    assert drawn(7, STORM) == drawn(7, STORM)
    assert drawn(7, STORM) != drawn(8, STORM)


def test_leaving_a_fault_out_changes_nothing_else():
    whole, without = drawn(7, STORM), drawn(7, STORM, without=["stop"])
    assert without.steps == whole.steps
    assert without.mischiefs == whole.mischiefs
    assert list(without.blows) == [blow for blow in whole.blows if blow.what != "stop"]


def test_blows_come_one_after_another_and_every_stop_outlasts_a_lease():
    for seed in range(20):
        blows = drawn(seed, STORM).blows
        ends = [blow.at + blow.seconds for blow in blows]
        assert all(end < blow.at for end, blow in zip(ends, blows[1:], strict=False))
        assert all(blow.seconds > LEASE_SECONDS for blow in blows if blow.what == "stop")
        assert sum(blow.what == "deploy" for blow in blows) == 1


def test_every_fault_that_the_promises_name_is_drawn():
    blows = [blow for seed in range(40) for blow in drawn(seed, STORM).blows]
    everybody = {"worker-a", "worker-b", "beat", "web", "redis", "postgres"}
    assert {blow.target for blow in blows if blow.what == "kill"} == everybody
    assert {blow.target for blow in blows if blow.what == "stop"} == everybody
    assert {blow.target for blow in blows if blow.what == "clock"} == set(APART)
    assert {blow.target for blow in blows if blow.what in ("empty", "black-hole")} == {"redis"}
    assert {blow.value for blow in blows if blow.what == "clock"} == set(CLOCKS)
    troubles = {one.trouble.name for seed in range(9) for one in drawn(seed, STORM).mischiefs}
    assert troubles == {one.name for one in deck(random.Random(1))}


def test_every_operation_of_the_schedule_can_be_done():
    assert all(callable(getattr(Visitor, name)) for name in VISITOR)
    assert all(callable(getattr(Office, name)) for name in OFFICE)
    drawn_names = {step.what for seed in range(20) for step in drawn(seed, STORM).steps}
    assert drawn_names == {*VISITOR, *OFFICE, "let_time_pass"}


def test_every_script_that_this_fake_knows_is_one_it_accepts():
    playable = [trouble for trouble in deck(random.Random(1)) if not trouble.missing()]
    assert len(playable) > 30
    for script in (script for trouble in playable for script in trouble.scripts):
        Fault.from_json(dict(script))


def test_a_trouble_that_this_fake_lacks_says_what_is_missing():
    assert Trouble(name="?", scripts=[{"kind": "earthquake"}]).missing() == "earthquake"
    assert Trouble(name="?", scripts=[{"kind": "reset", "depth": 1}]).missing() == "depth"
    assert Trouble(name="?", settings={"mood": "bad"}).missing() == "mood"
    assert {"status", "reset", "delay"} <= set(get_args(Kind))


def test_a_later_name_is_a_greater_word():
    names = [in_letters(number) for number in (1, 2, 25, 26, 27, 700)]
    assert names == sorted(set(names))


def test_a_die_picks_whoever_is_there():
    assert [pick("abc", die) for die in (0.0, 0.5, 0.999, 1.0)] == ["a", "b", "c", "c"]
    with pytest.raises(LookupError):
        pick([], 0.5)
