"""The books: nothing is left, nothing vanished, nothing was set aside without cause."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

from tests.chaos.evidence import Complaint, Disturbance, Evidence, Exchange, Row

from .breach import AFTERMATH, Breach, lines_about
from .wire_words import CONTACT, ERASURE, sent_records

SENT, SKIPPED, FAILED, IMPORTED = "delivered", "skipped", "dead", "imported"
TERMINAL = (SENT, SKIPPED, FAILED, IMPORTED)
RECOVERY = 6.0  # seconds until a web server that was killed answers again
OVER = ("finished", "cancelled")


def nothing_is_left_unsent(evidence: Evidence) -> list[Breach]:
    waiting = {(row.kind, row.key): row for row in evidence.rows[::-1] if row.fate == "waiting"}
    return [
        Breach(f"{kind} {key}", "sent, skipped or set aside",
               f"waiting: {row.reason} {row.detail}", lines_about(evidence, kind, key))
        for (kind, key), row in waiting.items()
    ]  # fmt: skip


def sent_skipped_and_failed_are_all_that_was_captured(evidence: Evidence) -> list[Breach]:
    """A note leaves the outbox only with the word of what became of it."""
    return [
        Breach(f"{row.kind} {row.key}, note {row.number}", "delivered or skipped, with a word",
               "removed without one", lines_about(evidence, row.kind, row.key))
        for row in evidence.rows
        if row.fate not in (*TERMINAL, "waiting")
    ]  # fmt: skip


def tally(evidence: Evidence) -> Counter[str]:
    """How many notes had which fate."""
    return Counter(row.fate for row in evidence.rows)


def whatever_was_set_aside_was_refused(evidence: Evidence) -> list[Breach]:
    """With a reason, and by an answer of 4xx or with a list of refusals that this record got."""
    breaches = []
    for row in evidence.rows:
        if row.fate == FAILED and not (row.reason and _is_refused(row, evidence)):
            found = f"{row.reason or 'no reason'}: {row.detail or 'no words'}"
            history = lines_about(evidence, row.kind, row.key)
            breaches.append(
                Breach(f"{row.kind} {row.key}", "set aside only when refused", found, history)
            )
    return breaches


def _is_refused(row: Row, evidence: Evidence) -> bool:
    if row.kind not in (CONTACT, ERASURE, "order"):
        return any(_may_refuse(one) for one in evidence.exchanges if "event" in one.path)
    if row.kind == CONTACT and not row.key.isdecimal():  # a guest goes without a key
        return any(_may_refuse(one) for one in evidence.exchanges if "/contact" in one.path)
    return any(
        _may_refuse(one) and any(sent.is_of(row.kind, row.key) for sent in sent_records(one))
        for one in evidence.exchanges
    )


def _may_refuse(exchange: Exchange) -> bool:
    if exchange.status is None or exchange.status in (401, 403, 408, 409, 429):
        return False
    # The refusals of an import stand in the answer to a poll, which names no keys.
    answer = exchange.answer if isinstance(exchange.answer, Mapping) else {}
    names_some = bool(answer.get("failedOrders") or answer.get("failedContacts"))
    return 400 <= exchange.status < 500 or names_some or "asyncSessionId" in answer


def every_import_accounts_for_all_of_its_records(evidence: Evidence) -> list[Breach]:
    return [
        Breach(f"historical import {run.number} of {run.kind}s", f"finished, {run.total} records",
               f"{run.state}, {sum(run.counts.values())} records: {dict(run.counts)} {run.detail}")
        for run in evidence.imports
        if run.state not in OVER
        or (run.state == "finished" and sum(run.counts.values()) < run.total)
    ]  # fmt: skip


def no_request_broke_the_contract(evidence: Evidence) -> list[Breach]:
    return [
        Breach("a request", "as the contract has it", str(one)) for one in evidence.held.violations
    ]


def the_shop_never_broke(evidence: Evidence) -> list[Breach]:
    """A page that fails while web server and database are well is the connector's doing."""
    return [
        Breach(f"{one.what} at {one.at:.2f} s", "a page", one.error)
        for one in evidence.complaints
        if one.is_server_error and not any(_explains(each, one) for each in evidence.disturbances)
    ]


def _explains(disturbance: Disturbance, complaint: Complaint) -> bool:
    is_hers = disturbance.target in ("web", "postgres", "web and workers")
    return (
        is_hers
        and disturbance.start <= complaint.until
        and disturbance.end + max(RECOVERY, AFTERMATH) >= complaint.at
    )
