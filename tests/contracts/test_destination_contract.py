"""The contract notices a destination that breaks it: each of these does one thing wrong."""

from __future__ import annotations

import logging
import random
from collections.abc import Iterator, Sequence
from dataclasses import replace

import pytest

from esputnik_connector.destinations.base import Envelope, Receipt, Status
from esputnik_connector.exceptions import CredentialsError, RejectedError, TemporaryError
from esputnik_connector.records import Kind, Outcome
from esputnik_connector.testing.destination_contract import DestinationContract
from esputnik_connector.testing.recording import RecordingDestination
from tests.contracts.test_destinations import TestRecording as Recording


class Nameless(RecordingDestination):
    label = ""


class WithALongRoute(RecordingDestination):
    statuses = (Status(value="S" * 31, label="long"),)


class WithAnUnknownDefault(RecordingDestination):
    default_status = "NO_SUCH_STATUS"


class TakesAnyOption(RecordingDestination):
    @classmethod
    def check(cls, options):
        return []


class LosesAReceipt(RecordingDestination):
    def deliver(self, envelopes: Sequence[Envelope]) -> Sequence[Receipt]:
        return super().deliver(envelopes)[1:]


class MixesReceipts(RecordingDestination):
    def deliver(self, envelopes: Sequence[Envelope]) -> Sequence[Receipt]:
        return super().deliver(envelopes)[::-1]


class AcceptsForEver(RecordingDestination):
    supports_uploads = False

    def deliver(self, envelopes: Sequence[Envelope]) -> Sequence[Receipt]:
        receipts = super().deliver(envelopes)
        return [replace(one, outcome=Outcome.ACCEPTED, session="s") for one in receipts]


class RefusesAllForOne(RecordingDestination):
    def deliver(self, envelopes: Sequence[Envelope]) -> Sequence[Receipt]:
        try:
            return super().deliver(envelopes)
        except RejectedError as error:
            return [
                Receipt(kind=one.kind, key=one.key, outcome=Outcome.REJECTED, detail=str(error))
                for one in envelopes
            ]


class PreparesWhatItDoesNotHave(RecordingDestination):
    batch_sizes = {Kind.CONTACT: 5, Kind.ORDER: 5}


class BlamesTheRecord(RecordingDestination):
    def deliver(self, envelopes: Sequence[Envelope]) -> Sequence[Receipt]:
        try:
            return super().deliver(envelopes)
        except CredentialsError as error:
            raise RejectedError(str(error), status=401) from None


class ForgetsThePause(RecordingDestination):
    def deliver(self, envelopes: Sequence[Envelope]) -> Sequence[Receipt]:
        try:
            return super().deliver(envelopes)
        except TemporaryError as error:
            raise TemporaryError(str(error), status=error.status) from None


class SendsWithoutTheLane(RecordingDestination):
    def deliver(self, envelopes: Sequence[Envelope]) -> Sequence[Receipt]:
        type(self).calls.append([])
        return super().deliver(envelopes)


class SendsInAPreview(RecordingDestination):
    def preview(self, envelope):
        self.deliver([envelope])
        return super().preview(envelope)


class ShowsTheKeyInAPreview(RecordingDestination):
    def preview(self, envelope):
        headers = {"Authorization": self.account.api_key}
        return replace(super().preview(envelope), headers=headers)


class HasAnotherDigestEachTime(RecordingDestination):
    def prepare(self, record, *, last):
        return replace(super().prepare(record, last=last), digest=str(random.random()))


class HasOneDigestForAll(RecordingDestination):
    def prepare(self, record, *, last):
        return replace(super().prepare(record, last=last), digest="same")


class TakesADeletionForTheOrder(RecordingDestination):
    def prepare(self, record, *, last):
        envelope = super().prepare(record, last=last)
        is_order = envelope.kind is Kind.ORDER
        return replace(envelope, digest=envelope.key) if is_order else envelope


class DigestsTheWholeEvent(RecordingDestination):
    def prepare(self, record, *, last):
        return replace(
            super().prepare(record, last=last),
            digest=repr(super().prepare(record, last=last).payload),
        )


class QuotesTheKey(RecordingDestination):
    def deliver(self, envelopes: Sequence[Envelope]) -> Sequence[Receipt]:
        try:
            return super().deliver(envelopes)
        except CredentialsError:
            raise CredentialsError(f"{self.account.api_key} is bad", status=401) from None


class LogsWhatItSends(RecordingDestination):
    def deliver(self, envelopes: Sequence[Envelope]) -> Sequence[Receipt]:
        logging.getLogger(__name__).warning("sending %s", [one.payload for one in envelopes])
        return super().deliver(envelopes)


class BreaksWhenClosedTwice(RecordingDestination):
    def close(self) -> None:
        del self.account


BROKEN = {
    Nameless: "it_has_a_name_for_people",
    WithALongRoute: "what_it_offers_fits_the_columns",
    WithAnUnknownDefault: "its_statuses_are_among_those_it_offers",
    TakesAnyOption: "a_misspelt_option_is_a_system_check",
    LosesAReceipt: "each_envelope_has_one_receipt_in_its_place",
    MixesReceipts: "each_envelope_has_one_receipt_in_its_place",
    AcceptsForEver: "what_it_accepted_can_be_asked_about",
    RefusesAllForOne: "a_refused_record_holds_back_no_other",
    PreparesWhatItDoesNotHave: "a_kind_that_it_does_not_have_is_said_so",
    BlamesTheRecord: "a_refused_key_is_no_fault_of_a_record",
    ForgetsThePause: "a_pause_is_as_long_as_the_platform_asks",
    SendsWithoutTheLane: "the_lane_is_kept_before_anything_is_sent",
    SendsInAPreview: "to_prepare_and_to_preview_send_nothing",
    ShowsTheKeyInAPreview: "to_prepare_and_to_preview_send_nothing",
    HasAnotherDigestEachTime: "equal_records_have_equal_digests",
    HasOneDigestForAll: "a_changed_record_has_another_digest",
    TakesADeletionForTheOrder: "an_order_that_the_shop_deleted_is_deleted_where_that_can_be",
    DigestsTheWholeEvent: "an_event_is_told_once_whatever_its_product_costs_by_then",
    QuotesTheKey: "a_refusal_of_the_key_does_not_quote_it",
    LogsWhatItSends: "neither_the_key_nor_a_locator_comes_out_again",
    BreaksWhenClosedTwice: "it_can_be_closed_twice",
}


@pytest.fixture(autouse=True)
def _empty() -> Iterator[None]:
    RecordingDestination.reset()
    yield
    RecordingDestination.reset()


def contract_for(broken: type[RecordingDestination]) -> DestinationContract:
    class Broken(Recording):
        backend = broken

        def destination(self):
            return broken(self.account(""), {})

    return Broken()


@pytest.mark.parametrize(
    ("broken", "name"), BROKEN.items(), ids=lambda one: getattr(one, "__name__", "")
)
def test_a_destination_that_breaks_the_contract_is_noticed(broken, name):
    check = getattr(contract_for(broken), f"test_{name}")
    with pytest.raises((AssertionError, AttributeError, RejectedError)):
        check()


def test_each_promise_of_the_contract_has_a_destination_that_breaks_it():
    promises = {
        name.removeprefix("test_") for name in vars(DestinationContract) if name.startswith("test_")
    }
    harmless = {
        "each_kind_that_it_has_goes_out_in_batches_of_some_size",
        "an_accepted_key_says_whose_it_is",
    }
    assert promises - set(BROKEN.values()) <= harmless
