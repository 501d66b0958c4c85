"""What every destination must do, as tests.

::

    class TestAcme(DestinationContract):
        backend = AcmeDestination

        def destination(self): ...    # a live one, that talks to a fake Acme
        def requests(self): ...       # how many requests the fake has seen
        def refuse(self, key): ...    # from now on it refuses the record with this key
        def refuse_key(self): ...     # from now on it refuses the API key
        def be_busy(self, seconds): ...  # from now on it says: come back in so many seconds

Let its refusals answer :attr:`DestinationContract.indiscreet`: real platforms quote, too.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from decimal import Decimal
from typing import ClassVar

from esputnik_connector.behaviour import BehaviourType, Route
from esputnik_connector.destinations.base import Account, Destination, Envelope
from esputnik_connector.exceptions import CredentialsError, Skip, TemporaryError
from esputnik_connector.records import Event, Kind, OrderDeletion, Outcome, Reason, Record

from .halving import halved
from .observed import LostLane, logged, lose_the_lane, raises, readings
from .sample_records import changed, sample

SENT = frozenset({Outcome.DELIVERED, Outcome.ACCEPTED})
STATUS_LENGTH, ROUTE_LENGTH, HISTORY_ROUTE_LENGTH, ERASE_MODE_LENGTH = 30, 10, 12, 10


class DestinationContract:
    """Subclass it as ``Test…``, name the class, and answer the five questions."""

    backend: ClassVar[type[Destination]]
    api_key: ClassVar[str] = "contract-key-0123456789abcdef"
    email: ClassVar[str] = "olena.contract@shop-of-olena.com.ua"
    phone: ClassVar[str] = "+380501234567"

    def destination(self) -> Destination:
        """A live destination of :meth:`account`; called several times in one test."""
        raise NotImplementedError

    def requests(self) -> int:
        """How many requests the platform has seen."""
        raise NotImplementedError

    def refuse(self, key: str) -> None:
        """Let the platform refuse every request (or record) that holds this contact or order."""
        raise NotImplementedError

    def refuse_key(self) -> None:
        """Let the platform refuse the API key."""
        raise NotImplementedError

    def be_busy(self, seconds: int) -> None:
        """Let the platform ask for a pause."""
        raise NotImplementedError

    def account(self, api_url: str) -> Account:
        return Account(
            name="contract",
            api_key=self.api_key,
            api_url=api_url,
            default_status=self.backend.default_status,
            order_route=next((one.value for one in self.backend.order_routes), ""),
            erase_mode=next((one.value for one in self.backend.erase_modes), ""),
            salt="contract",
            site_id="8A412DC",
            routes=dict.fromkeys(BehaviourType, Route.EVENT),
        )

    @property
    def indiscreet(self) -> str:
        """A refusal that quotes all that must stay secret."""
        return f"Bad record of {self.email}, {self.phone}, sent with {self.api_key}"

    def record(self, kind: Kind, key: str) -> Record:
        """A record of this kind with everything in it."""
        return sample(kind, key, email=self.email, phone=self.phone)

    @property
    def kinds(self) -> list[Kind]:
        return [kind for kind in Kind if self.backend.supports(kind)]

    @contextmanager
    def live(self) -> Iterator[Destination]:
        with closing(self.destination()) as destination:
            yield destination

    def envelopes(self, destination: Destination, kind: Kind, count: int) -> list[Envelope]:
        keys = [str(910 + number) for number in range(count)]
        return [destination.prepare(self.record(kind, key), last=None) for key in keys]

    def assert_discreet(self, *told: object) -> None:
        """Neither the key nor a locator is in any of these, as a person or a log would see them."""
        secrets = (self.api_key, self.email, self.phone.lstrip("+"))
        for one in told:
            found = [secret for text in readings(one) for secret in secrets if secret in text]
            assert not found, f"{type(one).__name__} tells {found}"

    # What it says of itself

    def test_it_has_a_name_for_people(self) -> None:
        assert self.backend.label

    def test_what_it_offers_fits_the_columns(self) -> None:
        backend = self.backend
        for rows, longest in (
            (backend.statuses, STATUS_LENGTH),
            (backend.order_routes, ROUTE_LENGTH),
            (backend.history_routes, HISTORY_ROUTE_LENGTH),
            (backend.erase_modes, ERASE_MODE_LENGTH),
        ):
            values = [row.value for row in rows]
            assert all(0 < len(value) <= longest for value in values), values
            assert len(values) == len(set(values)), f"twice: {values}"

    def test_its_statuses_are_among_those_it_offers(self) -> None:
        known = {status.value for status in self.backend.statuses}
        hinted = {status for status, _hints in self.backend.status_hints}
        default = self.backend.default_status
        assert hinted <= known
        assert not known or default in known

    def test_a_misspelt_option_is_a_system_check(self) -> None:
        assert self.backend.check({}) == []
        messages = self.backend.check({"no_such_option": 1})
        assert any("no_such_option" in message.msg for message in messages)

    # Receipts

    def test_each_envelope_has_one_receipt_in_its_place(self) -> None:
        for kind in self.kinds:
            with self.live() as destination:
                envelopes = self.envelopes(destination, kind, 3)
                receipts = destination.deliver(envelopes)
            told = [(receipt.kind, receipt.key) for receipt in receipts]
            assert told == [(one.kind, one.key) for one in envelopes], kind
            assert {receipt.outcome for receipt in receipts} <= SENT, (kind, receipts)

    def test_an_order_that_the_shop_deleted_is_deleted_where_that_can_be(self) -> None:
        if not self.backend.supports_order_deletion:
            return
        with self.live() as destination:
            envelope = destination.prepare(OrderDeletion(key="911"), last=None)
            order = destination.prepare(self.record(Kind.ORDER, "911"), last=None)
            (receipt,) = destination.deliver([envelope])
        assert (receipt.kind, receipt.key) == (Kind.ORDER, "911")
        assert receipt.outcome in SENT
        assert envelope.digest != order.digest

    def test_what_it_accepted_can_be_asked_about(self) -> None:
        for kind in self.kinds:
            with self.live() as destination:
                receipts = destination.deliver(self.envelopes(destination, kind, 3))
                accepted = [one for one in receipts if one.outcome is Outcome.ACCEPTED]
                assert not accepted or destination.supports_uploads
                for session in {receipt.session for receipt in accepted}:
                    assert session
                    keys = [receipt.key for receipt in accepted if receipt.session == session]
                    known = destination.resolve(session, keys, locators={})
                    assert [receipt.key for receipt in known] == keys

    def test_a_refused_record_holds_back_no_other(self) -> None:
        for kind in (Kind.CONTACT, Kind.ORDER):
            if kind not in self.kinds:
                continue
            with self.live() as destination:
                envelopes = self.envelopes(destination, kind, 5)
                self.refuse(envelopes[3].key)
                receipts = halved(destination, envelopes)
            assert [receipt.key for receipt in receipts] == [one.key for one in envelopes]
            refused = [one.key for one in receipts if one.outcome is Outcome.REJECTED]
            assert refused == [envelopes[3].key], (kind, receipts)
            assert all(one.outcome in SENT for one in receipts if one.key not in refused)

    def test_a_kind_that_it_does_not_have_is_said_so(self) -> None:
        with self.live() as destination:
            for kind in set(Kind) - set(self.kinds):
                with raises(Skip) as caught:
                    destination.prepare(self.record(kind, "911"), last=None)
                assert caught[0].reason is Reason.NOT_SUPPORTED, kind

    def test_each_kind_that_it_has_goes_out_in_batches_of_some_size(self) -> None:
        with self.live() as destination:
            assert self.kinds
            assert all(destination.batch_sizes[kind] >= 1 for kind in self.kinds)

    # Pauses

    def test_a_refused_key_is_no_fault_of_a_record(self) -> None:
        with self.live() as destination:
            envelopes = self.envelopes(destination, self.kinds[0], 2)
            self.refuse_key()
            with raises(CredentialsError):
                destination.verify()
            with raises(CredentialsError):
                destination.deliver(envelopes)

    def test_a_pause_is_as_long_as_the_platform_asks(self) -> None:
        with self.live() as destination:
            envelopes = self.envelopes(destination, self.kinds[0], 2)
            self.be_busy(17)
            with raises(TemporaryError) as caught:
                destination.deliver(envelopes)
            assert caught[0].retry_after == 17

    def test_an_accepted_key_says_whose_it_is(self) -> None:
        with self.live() as destination:
            assert destination.verify().organisation

    def test_the_lane_is_kept_before_anything_is_sent(self) -> None:
        with self.live() as destination:
            envelopes = self.envelopes(destination, self.kinds[0], 2)
            before = self.requests()
            destination.before_call = lose_the_lane
            with raises(LostLane):
                destination.deliver(envelopes)
            assert self.requests() == before

    # Translation

    def test_to_prepare_and_to_preview_send_nothing(self) -> None:
        with self.live() as destination:
            before = self.requests()
            for kind in self.kinds:
                (envelope,) = self.envelopes(destination, kind, 1)
                request = destination.preview(envelope)
                shown = (request.method, request.url, str(request.headers), str(request.body))
                assert not any(self.api_key in text for text in shown), kind
            assert self.requests() == before

    def test_equal_records_have_equal_digests(self) -> None:
        for kind in self.kinds:
            digests = set()
            for _time in range(2):
                with self.live() as destination:
                    (envelope,) = self.envelopes(destination, kind, 1)
                    digests.add(envelope.digest)
            assert len(digests) == 1, kind

    def test_a_changed_record_has_another_digest(self) -> None:
        for kind in {Kind.CONTACT, Kind.ORDER, Kind.CART} & {*self.kinds}:
            with self.live() as destination:
                record = self.record(kind, "911")
                before = destination.prepare(record, last=None)
                after = destination.prepare(changed(record), last=None)
            assert before.digest != after.digest, kind

    def test_an_event_is_told_once_whatever_its_product_costs_by_then(self) -> None:
        if Kind.EVENT not in self.kinds:
            return
        with self.live() as destination:
            event = self.record(Kind.EVENT, "911")
            assert isinstance(event, Event)
            later = replace(event, price=Decimal("5.00"), is_in_stock=False)
            digests = {destination.prepare(one, last=None).digest for one in (event, later)}
        assert len(digests) == 1

    # Secrets

    def test_neither_the_key_nor_a_locator_comes_out_again(self) -> None:
        with self.live() as destination, logged() as log:
            batches = [self.envelopes(destination, kind, 2) for kind in self.kinds]
            self.assert_discreet(destination, destination.account)
            for batch in batches:
                self.assert_discreet(*batch, destination.preview(batch[0]))
            if Kind.ORDER in self.kinds:
                (order,) = self.envelopes(destination, Kind.ORDER, 1)
                self.refuse(order.key)
                self.assert_discreet(*halved(destination, [order]))
            self.be_busy(1)
            for batch in batches:
                with raises(TemporaryError) as caught:
                    destination.deliver(batch)
                self.assert_discreet(*caught)
            self.assert_discreet(*log)

    def test_a_refusal_of_the_key_does_not_quote_it(self) -> None:
        with self.live() as destination, logged() as log:
            batch = self.envelopes(destination, self.kinds[0], 2)
            self.refuse_key()
            with raises(CredentialsError) as caught:
                destination.verify()
            with raises(CredentialsError) as caught_again:
                destination.deliver(batch)
            self.assert_discreet(*caught, *caught_again, *log)

    def test_it_can_be_closed_twice(self) -> None:
        with self.live() as destination:
            destination.verify()
            destination.close()
