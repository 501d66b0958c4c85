"""Findings about Celery: can a relay be started at all, and does the sweep run?"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime
from typing import Any

from celery import current_app
from django.apps import apps
from django.db import DatabaseError
from django.utils import timezone
from django.utils.timesince import timesince
from django.utils.translation import gettext as _

from esputnik_connector.conf import conf
from esputnik_connector.models import Heartbeat
from esputnik_connector.pipeline.broker import TRANSPORTS, impatient_line, transport_of

from .duration import alert_after
from .findings import Finding, Level, ok, problem, warning

PATIENCE = 1.0  # seconds for a broker that does not answer
SWEEP = "esputnik_connector.sweep"


def findings() -> Iterator[Finding]:
    last, now = Heartbeat.last("sweep"), timezone.now()
    if is_done_without():
        if last is None:
            yield not_loaded()
        else:
            yield replace(beat(last=last, now=now), task="sweep")
        return
    yield transport()
    line = broker()
    yield line
    if line.level is Level.OK:  # else nobody can be asked
        yield worker()
    yield schedule()
    yield replace(beat(last=last, now=now), task="sweep")


def is_done_without() -> bool:
    """Does ``esputnik_run`` do the work here, or nobody? Then no broker is asked."""
    return not is_configured() or not conf.WAKE


def not_loaded() -> Finding:
    return warning(
        "celery_not_loaded",
        "Celery",
        _("No Celery application is loaded in this process, so changes wait for the sweep."),
        _(
            "If the project has one, import it in the project's __init__.py. Without Celery, "
            "keep this running: manage.py esputnik_run"
        ),
    )


def is_configured() -> bool:
    """Celery makes an application named “default” up where a project has none."""
    return current_app.main != "default" or bool(current_app.conf.broker_url)


def transport() -> Finding:
    """Are workers woken by this kind of broker at all?"""
    name = transport_of(current_app)
    if name in TRANSPORTS:
        return ok(
            "transport_wakes", _("broker"), _("Workers are woken by the transport “%s”.") % name
        )
    return warning(
        "transport_does_not_wake",
        _("broker"),
        _("Workers are not woken by the transport “%s”: every change waits for the sweep.") % name,
        _("It might keep a shopper waiting. For changes within seconds use Redis or RabbitMQ."),
    )


def broker() -> Finding:
    """One bounded try. Addresses are not shown: they hold passwords."""
    line = impatient_line(current_app, PATIENCE)
    try:
        line.ensure_connection(max_retries=0)
    except Exception as error:  # kombu lets through what its transports raise
        return problem(
            "broker_away",
            _("broker"),
            _("The broker of Celery does not answer (%s).") % type(error).__name__,
            _("Start it, or correct CELERY_BROKER_URL. Changes are noted meanwhile."),
        )
    finally:
        line.release()
    return ok("broker_answers", _("broker"), _("The broker of Celery answers."))


def worker() -> Finding:
    """Does any worker answer? A busy one of the “solo” pool cannot."""
    try:
        answers = current_app.control.inspect(timeout=PATIENCE).ping() or {}
    except Exception as error:  # kombu lets through what its transports raise
        return warning(
            "workers_not_asked",
            _("worker"),
            _("The workers of Celery cannot be asked (%s).") % type(error).__name__,
            _("Look whether one is running."),
        )
    if answers:
        return ok(
            "workers_answer",
            _("worker"),
            _("Workers of Celery that answer: %s.") % len(answers),
            count=len(answers),
        )
    return problem(
        "no_worker_answers",
        _("worker"),
        _("No worker of Celery answers: changes are noted, and nobody sends them."),
        _("Start one: celery -A <project> worker"),
    )


def beat(*, last: datetime | None, now: datetime) -> Finding:
    """Did the sweep run lately? It leaves a mark in the database, so this sees beat and a worker at
    work together, whatever machine they are on."""
    remedy = _("Start beat: celery -A <project> beat")
    if is_done_without():
        remedy = _("Keep this running: manage.py esputnik_run")
    if last is None:
        return warning("sweep_never_ran", "beat", _("The sweep never ran."), remedy)
    age = (now - last).total_seconds()
    text = _("The sweep ran %s ago.") % timesince(last, now)
    return (
        ok("sweep_ran", "beat", text, age_seconds=age)
        if now - last < alert_after()
        else problem("sweep_late", "beat", text, remedy, age_seconds=age)
    )


def schedule() -> Finding:
    """Is the sweep in the plan of beat, in the settings or in django-celery-beat?"""
    planned = {entry.get("task") for entry in (current_app.conf.beat_schedule or {}).values()}
    if SWEEP in planned or _is_in_database():
        return ok("sweep_scheduled", "beat", _("The sweep is in the schedule of Celery beat."))
    return problem(
        "sweep_not_scheduled",
        "beat",
        _("“%s” is not in Celery beat's schedule: what a wake-up missed stays unsent.") % SWEEP,
        _(
            "Write into the settings: CELERY_BEAT_SCHEDULE = {**BEAT_SCHEDULE}, imported from "
            "esputnik_connector.celery_schedule"
        ),
    )


def _is_in_database() -> bool:
    if not apps.is_installed("django_celery_beat"):
        return False
    model: Any = apps.get_app_config("django_celery_beat").get_model("PeriodicTask")
    try:
        return bool(model.objects.filter(task=SWEEP, enabled=True).exists())
    except DatabaseError:
        return False
