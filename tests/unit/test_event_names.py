"""The name of an event is the first part of its key, and of nothing else."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from esputnik_connector.event_names import BACK_IN_STOCK, PRICE_DROP, EventName

NAMES = st.from_regex(r"[a-z][a-z0-9_]{0,20}", fullmatch=True)


@given(NAMES, st.text(min_size=1, max_size=50))
def test_a_key_tells_its_name_again(name, rest):
    key = EventName(name).key(rest)
    assert key.startswith(f"{name}:")
    assert EventName.of(key) == name


@given(NAMES, NAMES)
def test_two_names_never_share_a_key(one, other):
    is_same = EventName(one).key("1") == EventName(other).key("1")
    assert is_same == (one == other)


@pytest.mark.parametrize(
    ("name", "stored"), [(BACK_IN_STOCK, "back_in_stock"), (PRICE_DROP, "price_drop")]
)
def test_the_names_of_the_connectors_own_events_are_stored_as_they_were(name, stored):
    """Rows of the outbox and the memory of what was sent hold these keys."""
    assert str(name) == stored
    assert EventName.of(name.key("7")) == name
