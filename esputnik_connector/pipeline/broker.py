"""Publish a task without the shopper waiting for the broker.

A thread of its own talks to the broker, and whoever publishes waits for it a quarter of a second at
the most: no time-out of a client library covers the look-up of a name, the list of SQS queues, or a
broker that answers one byte at a time. What it could not publish it tries again by itself, soon at
first, while nobody waits; what it never could is found by the sweep.
"""

from __future__ import annotations

import os
import threading
import time
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from logging import getLogger
from queue import Empty, SimpleQueue
from typing import Any, cast

from celery import current_app

from esputnik_connector.conf import conf
from esputnik_connector.exceptions import without_message

logger = getLogger(__name__)

BROKER_TIMEOUT = 0.25  # seconds a shopper's request may wait for a broker that does not answer
RETRY_TIMEOUT = 2.0  # seconds; nobody waits for another try
FIRST_REST = 1.0  # seconds until that; doubles with every failure
BROKER_REST = 30.0  # seconds between two tries at the most; the sweep does the work meanwhile
MOST_WAITING = 1000  # messages in line behind a broker that never answers: one a second, and less
EXPIRY = 60.0  # seconds after its time; by then a sweep has come, and sends what is due itself

REDIS = {
    "socket_timeout": BROKER_TIMEOUT,
    "socket_connect_timeout": BROKER_TIMEOUT,
    "retry_on_timeout": False,
}
# ``confirm_publish``: else the first message on a line that the broker has closed is lost unseen.
AMQP = {"read_timeout": BROKER_TIMEOUT, "write_timeout": BROKER_TIMEOUT, "confirm_publish": True}
SQS = {
    "client-config": {
        "connect_timeout": BROKER_TIMEOUT,
        "read_timeout": BROKER_TIMEOUT,
        "retries": {"max_attempts": 0},
    }
}
# Celery's name of a transport → what keeps it from waiting. Others are left to the sweep: some
# write files or into the shop's own database.
TRANSPORTS: dict[str, dict[str, Any]] = {
    "redis": REDIS, "rediss": REDIS, "sentinel": REDIS,
    "amqp": AMQP, "amqps": AMQP, "pyamqp": AMQP,
    "sqs": SQS,
    "memory": {},
}  # fmt: skip


def transport_of(app: Any) -> str:
    """Celery's name of the transport that ``app`` publishes by, such as ``redis``.

    Read from the address alone: to ask kombu loads the transport, and it may not be installed.
    """
    chosen = app.conf.broker_transport
    if chosen and not isinstance(chosen, str):
        return f"{chosen.__module__}.{chosen.__name__}"
    addresses = app.conf.broker_write_url or ""
    address = addresses if isinstance(addresses, str) else next(iter(addresses), "")
    scheme, separator, _rest = address.partition("://")
    return (chosen or (scheme.partition("+")[0] if separator else "") or "amqp").lower()


def impatient_line(app: Any, seconds: float = BROKER_TIMEOUT) -> Any:
    """A line to the broker with time-outs of its own, apart from the project's.

    The project's may wait for minutes, which is right for a worker and wrong for a shopper.
    """
    options = {
        name: seconds if value == BROKER_TIMEOUT and name.endswith("timeout") else value
        for name, value in TRANSPORTS.get(transport_of(app), {}).items()
    }
    return app.connection_for_write(
        connect_timeout=seconds, transport_options={**options, "max_retries": 0}
    )


def queue_options() -> dict[str, Any]:
    """Where the connector's tasks go, as an option of Celery's ``apply_async``."""
    return {"queue": conf.CELERY_QUEUE} if conf.CELERY_QUEUE else {}


@dataclass(frozen=True, kw_only=True)
class _Message:
    app: Any
    task: str
    pk: int
    delay: float
    made_at: float = field(default_factory=time.monotonic)
    is_done: threading.Event = field(default_factory=threading.Event)  # nobody need wait for it

    @property
    def age(self) -> float:
        """Seconds since it was to be published."""
        return time.monotonic() - self.made_at

    def send(self, line: Any) -> None:
        delay = max(0.0, self.delay - self.age)
        self.app.send_task(
            self.task, (self.pk,), producer=self.app.amqp.Producer(line), retry=False,
            countdown=delay, expires=delay + EXPIRY, ignore_result=True,
            **queue_options(),
        )  # fmt: skip


class BrokerLine:
    """A thread that talks to the broker, and what is known of the broker."""

    def __init__(self) -> None:
        self.pid = os.getpid()
        self._lock = threading.Lock()
        self._messages: SimpleQueue[_Message | None] | None = None
        self._late: _Message | None = None
        self._failures = 0
        self._resting_until = 0.0
        self._is_bounded: bool | None = None

    def publish(self, message: _Message) -> None:
        """Hand over to the thread, and wait ``BROKER_TIMEOUT`` at most."""
        if not self._is_usable(message.app):
            return
        is_well = not self.is_resting
        messages = self._queue()
        if messages.qsize() < MOST_WAITING:
            messages.put(message)
        if is_well and not message.is_done.wait(BROKER_TIMEOUT):
            self._late = message
            logger.warning("the broker is slow; a worker is started later than it should be")

    @property
    def is_resting(self) -> bool:
        """Is the broker left alone for a while, or has it not answered yet?"""
        is_late = self._late is not None and not self._late.is_done.is_set()
        return is_late or time.monotonic() < self._resting_until

    def rest(self, seconds: float = BROKER_REST) -> None:
        """Leave the broker alone for a while."""
        self._resting_until = time.monotonic() + seconds

    def close(self) -> None:
        """End the thread; what waits for another try is left to the sweep."""
        if self._messages is not None:
            self._messages.put(None)

    def _is_usable(self, app: Any) -> bool:
        if self._messages is None and self.is_resting:  # there is no thread that could try again
            return False
        if self._is_bounded is None:
            self._is_bounded = transport_of(app) in TRANSPORTS
            if not self._is_bounded:
                logger.warning(
                    "Celery's transport %s is not one that workers are woken by; changes are sent "
                    "by the sweep", transport_of(app),
                )  # fmt: skip
        return self._is_bounded

    def _queue(self) -> SimpleQueue[_Message | None]:
        with self._lock:
            if self._messages is None:
                messages: SimpleQueue[_Message | None] = SimpleQueue()
                work = partial(self._work, messages)
                threading.Thread(target=work, name="esputnik-wake", daemon=True).start()
                self._messages = messages
            return self._messages

    # What follows runs in the thread.

    def _work(self, messages: SimpleQueue[_Message | None]) -> None:
        line = None
        waiting: dict[tuple[str, int], _Message] = {}  # of several for one thing, the newest
        while True:
            seconds = max(0.0, self._resting_until - time.monotonic())
            try:
                message = messages.get(timeout=seconds if waiting else None)
            except Empty:
                line = self._send_all(waiting, line)
                continue
            if message is None:
                break
            _replaced(waiting, message)
            if time.monotonic() >= self._resting_until:
                line = self._send_all(waiting, line)
        _let_go(line)

    def _send_all(self, waiting: dict[tuple[str, int], _Message], line: Any) -> Any:
        """Send what waits, and return the line for what comes next; what fails goes on waiting."""
        patience = RETRY_TIMEOUT if self._failures else BROKER_TIMEOUT
        try:
            for what, message in list(waiting.items()):
                if message.age < message.delay + EXPIRY:
                    line = _sent(message, line, patience)
                del waiting[what]
                message.is_done.set()
            self._failures = 0
        except Exception as error:  # kombu lets through what its transports raise
            line = None
            self.rest(min(FIRST_REST * 2**self._failures, BROKER_REST))
            if not self._failures:
                logger.warning(
                    "the broker cannot be reached (%s); until it can, changes are sent by the "
                    "sweep", type(error).__name__,
                )  # fmt: skip
            self._failures = min(self._failures + 1, 10)
        finally:
            for message in waiting.values():
                message.is_done.set()
        return line


def _replaced(waiting: dict[tuple[str, int], _Message], message: _Message) -> None:
    """Put in line, in the place of an older one that says the same."""
    older = waiting.pop((message.task, message.pk), None)
    if older is not None:
        older.is_done.set()
    waiting[message.task, message.pk] = message


class Publisher:
    """Publishes wake-ups, by one :class:`BrokerLine` for each process."""

    def __init__(self) -> None:
        self._line = BrokerLine()

    def publish(self, task: str, pk: int, delay: float) -> None:
        """Start ``task`` with ``pk`` in ``delay`` seconds. Never raises, and waits for
        ``BROKER_TIMEOUT`` at most.

        After a failure the broker is left alone for a while, and the sweep does the work.
        """
        try:
            self._publish(task, pk, delay)
        except Exception as error:  # a server without threads, a configuration that cannot be read
            self._line.rest()
            logger.error("%s is left to the sweep: %s", task, without_message(error))

    def _publish(self, task: str, pk: int, delay: float) -> None:
        if self._line.pid != os.getpid():  # a fork inherits the line, and not its thread
            self._line = BrokerLine()
        app = cast(Any, current_app)._get_current_object()  # of this thread, not the other one
        if app.conf.task_always_eager:
            app.tasks[task].apply_async((pk,))
        else:
            self._line.publish(_Message(app=app, task=task, pk=pk, delay=delay))

    @property
    def is_resting(self) -> bool:
        """Would what this process publishes now reach nobody for a while?"""
        return self._line.pid == os.getpid() and self._line.is_resting

    def begin_anew(self) -> None:
        """Forget the line and what was learnt, as when the broker's address changes."""
        self._line.close()
        self._line = BrokerLine()


def _sent(message: _Message, line: Any, seconds: float) -> Any:
    """Send, and return the line for the next message. The broker may have closed an idle one."""
    if line is not None:
        try:
            message.send(line)
        except Exception:  # kombu lets through what its transports raise
            _let_go(line)
        else:
            return line
    line = impatient_line(message.app, seconds)
    try:
        message.send(line)
    except BaseException:
        _let_go(line)
        raise
    return line


def _let_go(line: Any) -> None:
    """Close without a farewell, for which a hung broker would have to answer."""
    if line is not None:
        with suppress(Exception):
            line.collect()


publisher = Publisher()
