"""People who have not said yes to messages: what the merchant's choice does to them at eSputnik."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta, timezone
from decimal import Decimal
from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone as django_timezone

from esputnik_connector.exceptions import BadRequestError
from esputnik_connector.models import Backfill, Connection, KnownAddress, OutboxMessage
from esputnik_connector.pipeline.backfill import control
from esputnik_connector.pipeline.backfill.forecast import forecast
from esputnik_connector.pipeline.backfill.worker import BackfillWorker
from esputnik_connector.pipeline.capture import capture
from esputnik_connector.pipeline.delivery.relay import Relay
from esputnik_connector.records import Cart, Consent, Contact, Kind, Order, Person
from esputnik_connector.shops.base import SupportsConsent
from esputnik_connector.testing.fake_esputnik import FakeEsputnik, Fault, Settings
from tests.memory_shop import MemoryShop

pytestmark = pytest.mark.django_db

NOW = datetime(2025, 11, 21, 12, tzinfo=timezone.utc)
POLICIES = ("confirmed", "unconfirmed", "withhold")


class AskingShop(MemoryShop, SupportsConsent):
    """Every fourth customer said yes, the next one no; the others and all guests were not asked."""

    def consents(self, people: Sequence[Person]) -> Mapping[Person, Consent]:
        answers = {0: Consent.YES, 1: Consent.NO}
        return {
            one: answers[int(one.contact_key) % 4]
            for one in people
            if one.contact_key and int(one.contact_key) % 4 in answers
        }


@pytest.fixture
def fake() -> Iterator[FakeEsputnik]:
    with FakeEsputnik(settings=Settings(import_polls=0)) as server:
        yield server


@pytest.fixture
def account(plain_shop, settings, fake) -> Connection:
    settings.ESPUTNIK_CONNECTOR = {
        **settings.ESPUTNIK_CONNECTOR,
        "SHOP": "tests.integration.test_consent.AskingShop",
        "DESTINATIONS": {
            "esputnik": {
                "BACKEND": "esputnik_connector.destinations.esputnik.destination."
                "EsputnikDestination",
                "OPTIONS": {"rate": "100000/second"},
            }
        },
    }
    return Connection.objects.create(name="main", api_url=fake.api_url, api_key=fake.key)


def chosen(account: Connection, policy: str) -> Connection:
    account.consent_policy = policy
    account.save()
    return account


def customer(number: int, **traits: object) -> Contact:
    values = {"email": f"buyer{number}@example.com", "joined_at": NOW, **traits}
    return Contact(key=str(number), **values)  # type: ignore[arg-type]


def order(number: int, **traits: object) -> Order:
    values = {"contact_key": str(number), "email": f"buyer{number}@example.com", **traits}
    return Order(
        key=f"N{number}", placed_at=NOW, status="New", currency="UAH", total=Decimal(10),
        **values,  # type: ignore[arg-type]
    )  # fmt: skip


def imported(account: Connection, kind: Kind = Kind.CONTACT) -> Backfill:
    route = "orders" if kind is Kind.ORDER else ""
    run, _ = control.start(account, kind, route=route)
    for _turn in range(200):
        BackfillWorker(Backfill.objects.get(pk=run.pk)).work(seconds=600)
        relayed(account)
        run.refresh_from_db()
        if run.state == "finished":
            return run
    raise AssertionError(f"{run.state}: {run.detail}")


def relayed(account: Connection, *, hours: int = 1) -> None:
    Relay(account, clock=lambda: django_timezone.now() + timedelta(hours=hours)).run()


def changed(account: Connection, kind: Kind, key: str) -> None:
    """As if captured in a transaction of its own."""
    OutboxMessage.objects.create(connection=account, kind=kind.value, key=key)


def states(fake: FakeEsputnik) -> Counter[str]:
    return Counter(fake.addresses.values())


TABLE = """\
policy       confirmed  unconfirmed  not there  mailable
confirmed         1200            0          0      1200
unconfirmed        300          900          0       300
withhold           300            0        900       300"""
PEOPLE = 1200  # more than go in one upload


def test_who_is_mailable_after_an_import_of_1200_people_under_each_choice(account, fake, capsys):
    AskingShop.people = {
        str(n): customer(n) if n % 10 else customer(n, is_guest=n % 4 != 0) for n in range(PEOPLE)
    }
    lines = ["policy       confirmed  unconfirmed  not there  mailable"]
    for policy in POLICIES:
        fake.reset()
        other = Connection.objects.create(
            name=policy, api_url=fake.api_url, api_key=fake.key, consent_policy=policy
        )
        run = imported(other)
        there = states(fake)
        absent = PEOPLE - sum(there.values())
        lines.append(
            f"{policy:<11}{there['confirmed']:>11}{there['unconfirmed']:>13}{absent:>11}"
            f"{len(fake.mailable):>10}"
        )
        asked = len(fake.requests("/api/v1/contact/subscribe"))
        assert asked == (900 if policy == "unconfirmed" else 0)
        assert run.skips == ({"no_consent": 900} if policy == "withhold" else {})
        assert sum(run.counts.values()) == PEOPLE
    table = "\n".join(lines)
    with capsys.disabled():
        print(f"\n{table}")  # noqa: T201  the table is what was asked for
    assert table == TABLE


@pytest.mark.parametrize("kind", [Kind.CONTACT, Kind.ORDER])
def test_no_import_starts_before_the_merchant_has_chosen(account, kind):
    with pytest.raises(BadRequestError, match="people who have not said yes"):
        control.start(account, kind, route="orders" if kind is Kind.ORDER else "")
    assert not Backfill.objects.exists()


def test_the_command_says_what_there_is_to_choose_and_starts_nothing(account):
    with pytest.raises(CommandError, match=r"unconfirmed – .*withhold – .*confirmed – "):
        call_command("esputnik_backfill", "contacts", "--yes")
    with pytest.raises(CommandError, match="“maybe” is no choice"):
        call_command("esputnik_backfill", "contacts", "--yes", "--consent", "maybe")
    assert not Backfill.objects.exists()


def test_the_command_keeps_the_choice_with_the_connection(account):
    call_command("esputnik_backfill", "contacts", "--consent", "withhold", "--no-wait", "--yes")
    account.refresh_from_db()
    assert account.consent_policy == "withhold"
    assert Backfill.objects.count() == 1


def test_a_dry_run_shows_a_choice_without_keeping_it(account, fake):
    AskingShop.people = {str(n): customer(n) for n in range(8)}
    out = StringIO()
    arguments = ["esputnik_backfill", "contacts", "--dry-run", "--consent"]
    call_command(*arguments, "unconfirmed", stdout=out)
    assert "no e-mail campaign reaches them until they confirm: 6." in out.getvalue()
    call_command(*arguments, "withhold", stdout=out)
    assert "People who have not said yes to messages stay in the shop: 6." in out.getvalue()
    account.refresh_from_db()
    assert account.consent_policy == ""
    assert not fake.requests("/api/v1/contact")


@pytest.mark.parametrize("policy", POLICIES)
def test_a_forecast_counts_people_and_not_their_orders(account, policy):
    AskingShop.purchases = {f"N{n}": replace(order(n % 4), key=f"N{n}") for n in range(40)}
    plan = Backfill(connection=chosen(account, policy), kind="order", route="orders")
    assert len(forecast(plan).without_consent) == 3


def test_people_without_consent_and_their_orders_and_carts_stay_in_the_shop(account, fake):
    chosen(account, "withhold")
    AskingShop.people = {str(n): customer(n) for n in range(4)}
    AskingShop.purchases = {one.key: one for one in map(order, range(4))}
    AskingShop.purchases["G1"] = replace(order(9, contact_key=""), key="G1")
    AskingShop.baskets = {
        str(n): Cart(key=str(n), currency="UAH", contact_key=str(n), email=f"buyer{n}@example.com")
        for n in range(4)
    }
    imported(account)
    run = imported(account, Kind.ORDER)
    assert set(fake.contacts) == {"0"}
    assert set(fake.orders) == {"N0"}
    assert run.skips == {"no_consent": 4}


def test_a_guests_order_introduces_the_guest_before_it_is_sent(account, fake):
    chosen(account, "unconfirmed")
    AskingShop.purchases = {"N9": order(9, contact_key="")}
    capture.order_changed("N9")
    relayed(account)
    assert fake.addresses == {"buyer9@example.com": "unconfirmed"}
    assert set(fake.orders) == {"N9"}
    (form,) = fake.requests("/api/v1/contact/subscribe")
    assert form.body["formType"] == "shop-customer"
    events = [one["type"] for one in fake.events(source="subscribe")]
    assert events == ["subscribeFromApi-shop-customer"]


def test_somebody_is_introduced_once(account, fake):
    chosen(account, "unconfirmed")
    AskingShop.people = {"2": customer(2)}
    capture.contact_changed("2")
    relayed(account)
    for first_name in ("Ada", "Eve"):
        AskingShop.people["2"] = customer(2, first_name=first_name)
        AskingShop.purchases["N2"] = order(2, first_name=first_name)
        changed(account, Kind.CONTACT, "2")
        changed(account, Kind.ORDER, "N2")
        relayed(account)
    assert len(fake.requests("/api/v1/contact/subscribe")) == 1
    assert fake.addresses == {"buyer2@example.com": "unconfirmed"}
    assert fake.contact("2")["firstName"] == "Eve"
    assert KnownAddress.objects.count() == 1


def test_a_new_address_of_a_known_customer_is_unconfirmed_too(account, fake):
    chosen(account, "unconfirmed")
    AskingShop.people = {"2": customer(2)}
    imported(account)
    AskingShop.people["2"] = customer(2, email="moved@example.com")
    capture.contact_changed("2")
    relayed(account)
    relayed(account)
    assert fake.contact("2")["email"] == "moved@example.com"
    assert fake.addresses["moved@example.com"] == "unconfirmed"


def test_a_shared_phone_does_not_overwrite_somebody_else(account, fake):
    chosen(account, "unconfirmed")
    phone = "+380501112233"
    AskingShop.people = {
        "2": customer(2, first_name="Ada", phone=phone),
        "3": customer(3, first_name="Eve", phone=phone),
        "7": customer(7, first_name="Guest", phone=phone, is_guest=True),
    }
    imported(account)
    named = {one["email"]: (one["firstName"], one["sms"]) for one in fake.all_contacts}
    assert named == {
        f"buyer{number}@example.com": (name, "380501112233")
        for number, name in ((2, "Ada"), (3, "Eve"), (7, "Guest"))
    }
    assert set(fake.addresses.values()) == {"unconfirmed"}


def test_whoever_said_yes_is_sent_as_ever(account, fake):
    chosen(account, "unconfirmed")
    AskingShop.people = {"4": customer(4)}
    capture.contact_changed("4")
    relayed(account)
    assert fake.mailable == ["buyer4@example.com"]
    assert not fake.requests("/api/v1/contact/subscribe")


def test_an_introduction_without_a_proof_sends_nothing_else(account, fake):
    chosen(account, "unconfirmed")
    fake.script(Fault("empty", path="/api/v1/contact/subscribe"))
    AskingShop.people = {"2": customer(2)}
    capture.contact_changed("2")
    relayed(account)
    assert [one.path for one in fake.log] == ["/api/v1/contact/subscribe"]
    assert OutboxMessage.objects.get().attempts == 1


def test_an_introduction_whose_answer_got_lost_is_repeated_in_peace(account, fake):
    chosen(account, "unconfirmed")
    fake.configure(duplicate_seconds=0)  # the hours below are of our clock alone
    fake.script(Fault("reset", path="/api/v1/contact/subscribe", when="after"))
    AskingShop.people = {"2": customer(2)}
    capture.contact_changed("2")
    relayed(account)
    relayed(account, hours=20)
    relayed(account, hours=21)  # what may have arrived unanswered goes once more in the end
    assert not OutboxMessage.objects.exists()
    assert fake.addresses == {"buyer2@example.com": "unconfirmed"}
    assert fake.contact("2")["email"] == "buyer2@example.com"


def test_whoever_comes_back_after_an_erasure_is_introduced_again(account, fake):
    chosen(account, "unconfirmed")
    AskingShop.people = {"2": customer(2)}
    imported(account)
    AskingShop.people.clear()
    capture.contact_deleted("2", locators=["buyer2@example.com"])
    relayed(account)
    assert not fake.contacts
    later = django_timezone.now() + timedelta(minutes=5)
    AskingShop.people["6"] = customer(6, email="buyer2@example.com", joined_at=later)
    capture.contact_changed("6")
    relayed(account)
    assert fake.addresses == {"buyer2@example.com": "unconfirmed"}


def test_a_shop_that_cannot_tell_has_asked_nobody(account, fake, settings):
    settings.ESPUTNIK_CONNECTOR = {
        **settings.ESPUTNIK_CONNECTOR, "SHOP": "tests.memory_shop.MemoryShop"
    }  # fmt: skip
    chosen(account, "withhold")
    MemoryShop.people = {"4": customer(4)}
    assert imported(account).skips == {"no_consent": 1}
