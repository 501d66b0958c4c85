"""A record on its way into an outbox row and out again: nothing is lost, nothing is readable."""

from __future__ import annotations

from datetime import timezone

from hypothesis import given
from hypothesis import strategies as st

from esputnik_connector.event_names import EventName
from esputnik_connector.pipeline.events.carried import opened, sealed
from esputnik_connector.records import Event, Note

TEXT = st.text(st.characters(codec="utf-8"), max_size=20)
MOMENT = st.datetimes(timezones=st.just(timezone.utc))
MONEY = st.decimals(allow_nan=False, allow_infinity=False, places=2)
PLAIN = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False)
VALUE = st.recursive(
    PLAIN | TEXT | MONEY | MOMENT,
    lambda inner: (
        st.lists(inner, max_size=3).map(tuple)
        | st.dictionaries(TEXT | st.just("$"), inner, max_size=3)
    ),
    max_leaves=8,
)


@given(
    params=st.dictionaries(TEXT, VALUE, max_size=4),
    email=TEXT,
    price=st.none() | MONEY,
    moment=st.none() | MOMENT,
    notes=st.lists(st.sampled_from(Note)).map(tuple),
)
def test_any_event_comes_out_as_it_went_in(params, email, price, moment, notes):
    event = Event(
        key="page_viewed:1",
        name=EventName("page_viewed"),
        email=email,
        price=price,
        happened_at=moment,
        params=params,
        notes=notes,
    )
    payload = sealed(event)
    assert opened(event.key, payload) == event
    assert payload["record"].startswith("fernet:")
    assert list(payload) == ["record"]


def test_a_name_and_a_note_come_out_as_what_they_are():
    event = Event(key="page_viewed:1", name=EventName("page_viewed"), notes=(Note.EMAIL_DROPPED,))
    found = opened(event.key, sealed(event))
    assert found.name.key("2") == "page_viewed:2"
    assert found.notes[0] is Note.EMAIL_DROPPED
