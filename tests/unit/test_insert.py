"""Which rows may be added by a statement that is composed once."""

from __future__ import annotations

import pytest
from oscar.core.loading import get_model

from esputnik_connector.models import Connection, OutboxMessage
from esputnik_connector.models.insert import Insert


def test_a_column_whose_default_is_asked_for_each_row_must_be_given():
    """Else the moment of the first row would be that of all rows of this process."""
    with pytest.raises(ValueError, match=r"OutboxMessage\.captured_at must be given"):
        Insert(OutboxMessage, "connection_id", "kind", "key", "due_at")
    with pytest.raises(ValueError, match=r"OutboxMessage\.due_at must be given"):
        Insert(OutboxMessage, "connection_id", "kind", "key", "captured_at")
    with pytest.raises(ValueError, match=r"Connection\.\w+ must be given"):
        Insert(Connection, "name")


def test_so_must_one_that_django_fills_in_when_it_saves():
    with pytest.raises(ValueError, match=r"Basket\.date_created must be given"):
        Insert(get_model("basket", "Basket"), "status")


def test_a_primary_key_and_plain_defaults_may_be_left_out():
    given = ("connection_id", "kind", "key", "captured_at", "due_at")
    names = Insert(OutboxMessage, *given).of("default").text.partition("(")[2]
    assert '"attempts"' in names
    assert '"id"' not in names
