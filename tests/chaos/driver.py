"""Carries the schedule out: actors and faults, each in a thread of its own."""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass, field

import requests
from django.core.exceptions import ObjectDoesNotExist
from django.db import DatabaseError, InterfaceError, close_old_connections, connection
from kombu.exceptions import KombuError
from redis.exceptions import RedisError

from esputnik_connector.exceptions import ConnectorError
from sandbox_project.browser import BrowserError
from sandbox_project.demo import is_up

from .cast import Cast, pick
from .evidence import Complaint, Disturbance
from .faults import NEVER, Trouble
from .office import Office
from .quiet import attend, let_time_pass
from .report import tell_at
from .scene import FAKE_KEY, Scene
from .schedule import Blow, Schedule, Step
from .visitors import Visitor

LONGEST_WAIT = 10.0  # seconds for a shop that is away
LATE = 4.0  # seconds after the storm in which an operation may still begin
STARTING = 2.5  # seconds until a process that was started is at work
SUFFERED = (
    DatabaseError, InterfaceError, ObjectDoesNotExist, BrowserError, ConnectorError,
    requests.RequestException, KombuError, RedisError,
)  # fmt: skip
SERVER_ERROR = re.compile(r"\b50\d from\b")


@dataclass
class Storm:
    """One run of a schedule. ``clock``: seconds since its beginning."""

    schedule: Schedule
    scene: Scene
    cast: Cast
    products: Sequence[str]
    clock: Callable[[], float]
    disturbances: list[Disturbance] = field(default_factory=list)
    complaints: list[Complaint] = field(default_factory=list)
    done: dict[str, int] = field(default_factory=dict)
    skipped: list[Step] = field(default_factory=list)
    _account: dict[str, object] = field(default_factory=dict)  # settings that are not as usual
    _begun: float = 0.0
    _is_over: threading.Event = field(default_factory=threading.Event)

    def rage(self) -> None:
        """Until the schedule is over and everybody has ended what they were doing."""
        self._begun = self.clock()
        actors = sorted({step.actor for step in self.schedule.steps})
        with ThreadPoolExecutor(len(actors) + 2) as pool:
            parts = [pool.submit(self._strike), pool.submit(self._tease)]
            parts += [pool.submit(self._act, actor) for actor in actors]
            try:
                for part in as_completed(parts):
                    part.result()  # a mistake in here is not one of the shop
            finally:
                self._is_over.set()  # so that nobody goes on after a mistake, or after Ctrl-C

    def now(self) -> float:
        return self.clock() - self._begun

    def _wait_until(self, moment: float) -> None:
        self._is_over.wait(max(0.0, moment - self.now()))

    def let_time_pass(self, seconds: float) -> None:
        """For the connector and for eSputnik, whose imports end meanwhile unless they never do."""
        self.scene.wire.rest(seconds=3)  # what is on its way does not take twenty minutes
        usual = usual_settings()["import_seconds"]
        if self._account.get("import_seconds", usual) != NEVER:
            self._ask("settings", {"import_seconds": 0.0})
            requests.get(
                f"{self.scene.fake_url}/_fake/state", timeout=10
            )  # whoever looks, ends them
            self._ask("settings", {"import_seconds": self._account.get("import_seconds", usual)})
        let_time_pass(seconds)
        attend()

    # -- actors

    def _act(self, actor: str) -> None:
        worker: Visitor | Office = (
            Office(self.cast, actor, self.let_time_pass)
            if actor == "office"
            else Visitor(self.cast, actor, self.products)
        )
        for step in self.schedule.of(actor):
            self._wait_until(step.at)
            if self._is_over.is_set() or self.now() > self.schedule.seconds + LATE:
                self.skipped.append(step)
                continue
            self._perform(worker, step)
        connection.close()

    def _perform(self, worker: Visitor | Office, step: Step) -> None:
        began = self.clock()
        close_old_connections()
        operation = getattr(worker, step.what)
        try:
            operation(step if step.what == "let_time_pass" else step.dice)
        except LookupError:  # nobody to do it to yet
            self.skipped.append(step)
        except SUFFERED as error:  # faults are about: who suffers from them complains
            said = f"{type(error).__name__}: {str(error).splitlines()[0] if str(error) else ''}"
            self.complaints.append(
                Complaint(
                    at=began, until=self.clock(), what=f"{step.actor}: {step.what}",
                    error=said, is_server_error=bool(SERVER_ERROR.search(said)),
                )
            )  # fmt: skip
            connection.close()
            self._come_back_later(worker)
        else:
            self.done[step.what] = self.done.get(step.what, 0) + 1

    def _come_back_later(self, worker: Visitor | Office) -> None:
        """Customers whose page did not load try another one when the shop is there again."""
        deadline = time.monotonic() + LONGEST_WAIT
        while isinstance(worker, Visitor) and time.monotonic() < deadline:
            if is_up(f"{self.scene.shop_url}/healthz"):
                return
            time.sleep(0.3)

    # -- blows

    def _strike(self) -> None:
        looked = self.clock()
        for blow in self.schedule.blows:
            self._wait_until(blow.at)
            if self._is_over.is_set():
                return
            for name in self.scene.supervise():
                tell_at(self.clock(), "blow", f"{name} had ended by itself")
                self.disturbances.append(
                    Disturbance(what="ended", target=name, start=looked,
                                end=self.clock() + STARTING)
                )  # fmt: skip
            started = self.clock()
            tell_at(started, "blow", str(blow))
            self._deal(blow)
            self.disturbances.append(
                Disturbance(what=blow.what, target=blow.target, start=started,
                            end=self.clock() + STARTING)
            )  # fmt: skip
            looked = self.clock()

    def _deal(self, blow: Blow) -> None:
        scene = self.scene
        if blow.what == "stop":
            with scene.stopped(blow.target):
                time.sleep(blow.seconds)
        elif blow.what == "kill":
            scene.kill(blow.target)
            time.sleep(blow.seconds)
            scene.start(blow.target)
        elif blow.what == "clock":
            scene.kill(blow.target)
            scene.start(blow.target, clock=blow.value)
            time.sleep(blow.seconds)
            scene.kill(blow.target)
            scene.start(blow.target)
        elif blow.what == "black-hole":
            scene.redis.cut("swallowed")
            time.sleep(blow.seconds)
            scene.redis.mend()
        elif blow.what == "empty":
            scene.empty_redis()
        elif blow.what == "deploy":
            scene.deploy()

    # -- eSputnik

    def _tease(self) -> None:
        running: list[tuple[float, Trouble]] = []
        for mischief in self.schedule.mischiefs:
            while running and running[0][0] <= mischief.at:
                self._calm(*running.pop(0))
            self._wait_until(mischief.at)
            if self._is_over.is_set():
                return
            trouble = mischief.trouble
            if missing := trouble.missing():
                tell_at(
                    self.clock(), "eSputnik", f"skipped, this fake lacks {missing}: {trouble.name}"
                )
                continue
            tell_at(self.clock(), "eSputnik", trouble.name + self._aim(trouble))
            if trouble.line:
                self.scene.wire.cut(trouble.line)
            if trouble.settings:
                self._account |= trouble.settings
                self._ask("settings", trouble.settings)
            if trouble.seconds:
                running = sorted([*running, (mischief.at + trouble.seconds, trouble)],
                                 key=lambda one: one[0])  # fmt: skip
        for end, trouble in running:
            self._calm(min(end, self.schedule.seconds), trouble)

    def _aim(self, trouble: Trouble) -> str:
        """Script it; whom it is for is known only now."""
        said = []
        for script in trouble.scripts:
            ids = [self._somebody(die) for die in script.get("ids", ())]
            if ids:
                script = {**script, "ids": ids}
                said.append(", ".join(ids))
            self._ask("faults", script)
            said.append(f"{script.get('path', '')} {script.get('times')} times".strip())
        return f" ({'; '.join(said)})" if said else ""

    def _somebody(self, die: str) -> str:
        everybody = [who.email for actor in list(self.cast.actors) for who in self.cast.of(actor)]
        return pick(everybody + self.cast.orders, float(die.partition(":")[2]))

    def _calm(self, moment: float, trouble: Trouble) -> None:
        self._wait_until(moment)
        tell_at(self.clock(), "eSputnik", f"no longer: {trouble.name}")
        if trouble.line:
            self.scene.wire.mend()
        for name in trouble.settings or ():
            self._account.pop(name, None)
            self._ask("settings", {name: usual_settings()[name]})

    def _ask(self, what: str, body: object) -> None:
        answer = requests.post(f"{self.scene.fake_url}/_fake/{what}", json=body, timeout=10)
        if not answer.ok:
            tell_at(self.clock(), "eSputnik", f"the fake refused {what}: {answer.text:.150}")


def usual_settings() -> dict[str, object]:
    """What the fake is when nothing goes wrong, but with imports that take a moment."""
    from dataclasses import asdict

    from esputnik_connector.testing.fake_esputnik import Settings

    return {
        **asdict(Settings(segmentation=True)),
        "key": FAKE_KEY,
        "import_polls": 0,
        "import_seconds": 2.0,
    }
