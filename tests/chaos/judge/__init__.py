"""Promises against evidence. Each check is a sentence; each breach names one record."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from tests.chaos.evidence import Evidence

from . import accounts, events, history, people, records
from .breach import Breach

Check = Callable[[Evidence], list[Breach]]

CHECKS: Sequence[Check] = (
    records.every_customer_is_there_as_the_shop_has_them,
    records.every_order_is_there_as_the_shop_has_it,
    records.every_cart_is_there_as_the_shop_has_it,
    history.no_older_state_came_after_a_newer_one,
    history.no_upload_put_an_older_state_over_a_newer_one,
    people.nobody_was_overwritten_by_somebody_else,
    people.nobody_erased_is_there,
    people.nobody_is_there_whom_the_shop_never_had,
    events.no_event_was_started_more_often_than_the_answers_allow,
    events.no_order_was_sent_again_without_a_change_of_its_own,
    accounts.nothing_is_left_unsent,
    accounts.sent_skipped_and_failed_are_all_that_was_captured,
    accounts.whatever_was_set_aside_was_refused,
    accounts.every_import_accounts_for_all_of_its_records,
    accounts.no_request_broke_the_contract,
    accounts.the_shop_never_broke,
)


def judged(evidence: Evidence) -> dict[str, list[Breach]]:
    """Every promise in words, with its breaches."""
    return {in_words(check): check(evidence) for check in CHECKS}


def in_words(check: Check) -> str:
    return str(getattr(check, "__name__", check)).replace("_", " ")
