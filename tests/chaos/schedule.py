"""Everything that will be done and will go wrong, drawn from the seed before anything runs.

Pure: the same seed and length give the same schedule. What an operation does to *whom* is drawn
too, as numbers between 0 and 1 that the driver turns into a person or an order when it is time.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from .faults import Trouble, deck

LEASE_SECONDS = 5  # of a lane, in the settings of all processes
DICE = 6  # numbers per operation
QUIET_START = 1.5  # seconds until the first fault
TIME_PASSES_EVERY = 9.0  # seconds
TWENTY_MINUTES, AN_HOUR = 20 * 60.0, 60 * 60.0  # an import that is given up takes half an hour

# Who does what, and how often among their own.
VISITOR: Mapping[str, int] = {
    "register": 4, "introduce_oneself": 5, "add_address": 3, "fill_basket": 5,
    "change_quantity": 2, "buy": 4, "buy_as_guest": 3, "merge_baskets": 2, "leave_for_good": 1,
}  # fmt: skip
OFFICE: Mapping[str, int] = {
    "sign_up_a_family": 3, "rename": 6, "rename_silently": 4, "change_email": 2, "take_an_order": 6,
    "take_a_guests_order": 3, "change_status": 9, "change_status_silently": 1, "delete_account": 2,
    "merge_accounts": 1, "roll_back": 2, "map_a_status": 1, "map_a_field": 1, "import_customers": 1,
    "import_orders": 2, "reconcile": 2, "try_again": 1,
}  # fmt: skip
PACE = {"visitor 1": 1.4, "visitor 2": 1.4, "office": 0.8}  # mean seconds between two operations

WORKERS = ("worker-a", "worker-b")
KILLED = (*WORKERS, "beat", "web", "redis", "postgres")
TEN_YEARS = 10 * 365 * 86_400.0
CLOCKS = (-240.0, -15.0, 15.0, 240.0, TEN_YEARS)
APART = ("worker-b", "worker-b", "worker-a", "web", "beat")  # whose clock goes wrong


@dataclass(frozen=True, kw_only=True)
class Step:
    """One operation of one actor; ``dice`` decide about whom and what."""

    at: float
    actor: str
    what: str
    dice: tuple[float, ...]


@dataclass(frozen=True, kw_only=True)
class Blow:
    """One fault of a process: ``seconds`` until it is mended, ``value`` for a clock."""

    at: float
    what: str
    target: str
    seconds: float = 0.0
    value: float = 0.0

    def __str__(self) -> str:
        amount = f" by {self.value:+.0f} s" if self.value else ""
        lasting = f" for {self.seconds:.1f} s" if self.seconds else ""
        return f"{self.what} {self.target}{amount}{lasting}"


@dataclass(frozen=True, kw_only=True)
class Mischief:
    """A trouble of eSputnik at its moment."""

    at: float
    trouble: Trouble


@dataclass(frozen=True, kw_only=True)
class Schedule:
    """``steps`` by actor, ``blows`` one after another, ``mischiefs`` one after another."""

    seed: int
    seconds: float
    steps: Sequence[Step]
    blows: Sequence[Blow]
    mischiefs: Sequence[Mischief]

    def of(self, actor: str) -> list[Step]:
        return [step for step in self.steps if step.actor == actor]


def drawn(seed: int, seconds: float, *, without: Sequence[str] = ()) -> Schedule:
    """The schedule of a storm.

    :param without: words; faults whose name has one of them are left out, all else stays as drawn.
    """
    # A stream of its own for each part: one more operation must not change the faults.
    streams = {name: random.Random(f"{seed} {name}") for name in (*PACE, "blows", "mischiefs")}
    steps = [step for actor in PACE for step in _steps(actor, seconds, streams[actor])]

    def is_wanted(name: str) -> bool:
        return not any(word in name for word in without)

    blows = [one for one in _blows(seconds, streams["blows"]) if is_wanted(f"blow {one}")]
    mischiefs = [
        one
        for one in _mischiefs(seconds, streams["mischiefs"])
        if is_wanted(f"eSputnik {one.trouble.name}")
    ]
    return Schedule(
        seed=seed,
        seconds=seconds,
        steps=sorted(steps, key=lambda step: step.at),
        blows=blows,
        mischiefs=mischiefs,
    )


def _steps(actor: str, seconds: float, draw: random.Random) -> Iterator[Step]:
    table = OFFICE if actor == "office" else VISITOR
    names, weights = list(table), list(table.values())
    at, next_jump = 0.0, TIME_PASSES_EVERY
    while (at := at + draw.expovariate(1 / PACE[actor])) < seconds:
        dice = tuple(draw.random() for _ in range(DICE))
        yield Step(at=at, actor=actor, what=draw.choices(names, weights)[0], dice=dice)
        if actor == "office" and at > next_jump:
            next_jump += TIME_PASSES_EVERY
            yield Step(at=at, actor=actor, what="let_time_pass", dice=dice)


def _blows(seconds: float, draw: random.Random) -> Iterator[Blow]:
    """One at a time; a deploy in the middle."""
    at, is_deployed = QUIET_START, False
    cards: list[Blow] = []
    while at < seconds - QUIET_START:
        if not is_deployed and at >= seconds / 2:
            is_deployed = True
            blow = Blow(at=at, what="deploy", target="web and workers")
        else:
            cards = cards or _cards(draw)
            card = cards.pop()
            blow = Blow(
                at=at, what=card.what, target=card.target, seconds=card.seconds, value=card.value
            )
        yield blow
        at += blow.seconds + draw.uniform(2.5, 6.0)


def _cards(draw: random.Random) -> list[Blow]:
    """Every blow once, in a drawn order; workers twice, since they are what must not be trusted."""
    cards = [
        Blow(at=0, what="kill", target=target, seconds=draw.uniform(0.3, 3.0))
        for target in (*KILLED, *WORKERS)
    ]
    cards += [
        Blow(at=0, what="stop", target=target, seconds=LEASE_SECONDS + draw.uniform(1.0, 4.0))
        for target in (*KILLED, *WORKERS)
    ]
    cards.append(Blow(at=0, what="empty", target="redis"))
    cards.append(
        Blow(at=0, what="black-hole", target="redis", seconds=LEASE_SECONDS + draw.uniform(0, 3))
    )
    apart = draw.choice(APART)
    cards.append(
        Blow(
            at=0,
            what="clock",
            target=apart,
            seconds=draw.uniform(8, 14),
            value=draw.choice([one for one in CLOCKS if apart != "web" or one != TEN_YEARS]),
        )
    )  # in ten years every customer would have to log in again
    draw.shuffle(cards)
    return cards


def _mischiefs(seconds: float, draw: random.Random) -> Iterator[Mischief]:
    at, cards = QUIET_START, deck(draw)
    while at < seconds - QUIET_START:
        cards = cards or deck(draw)
        yield Mischief(at=at, trouble=cards.pop())
        at += draw.uniform(1.5, 4.5)


def jump(step: Step) -> float:
    """How many seconds pass at once in a step ``let_time_pass``."""
    return AN_HOUR if step.dice[0] < 0.4 else TWENTY_MINUTES
