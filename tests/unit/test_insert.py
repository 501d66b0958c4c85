"""Which rows may be added by a statement that is composed once."""

from __future__ import annotations

from datetime import datetime, timezone

import pytest
from django.db import connection as database
from django.utils.safestring import mark_safe
from oscar.core.loading import get_model

from esputnik_connector.models import Connection, OutboxMessage
from esputnik_connector.models.insert import Insert, execute_together

NOW = datetime(2026, 11, 22, 10, tzinfo=timezone.utc)


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


@pytest.mark.django_db
def test_a_primary_key_and_plain_defaults_may_be_left_out():
    given = ("connection_id", "kind", "key", "captured_at", "due_at")
    names = Insert(OutboxMessage, *given).of("default").text.partition("(")[2]
    assert '"attempts"' in names
    assert '"id"' not in names


GIVEN = ("connection_id", "kind", "key", "captured_at", "due_at")


@pytest.mark.django_db
def test_what_is_the_same_for_each_row_travels_in_the_text():
    text, values = Insert(OutboxMessage, *GIVEN).of("default", row("1"), row("2"))
    if database.vendor == "postgresql":
        assert len(values) == 2 * len(GIVEN)
        assert text.count("%s") == len(values)
    assert text.count("(%s") == 2


@pytest.mark.django_db
def test_a_default_may_hold_what_looks_like_a_value_to_come(monkeypatch):
    detail = OutboxMessage._meta.get_field("detail")
    monkeypatch.setattr(detail, "default", "100 %s and 'more' %")
    monkeypatch.setitem(detail.__dict__, "_get_default", lambda: "100 %s and 'more' %")
    execute_together("default", Insert(OutboxMessage, *GIVEN).of("default", row("1")))
    assert OutboxMessage.objects.values_list("detail", flat=True).get() == "100 %s and 'more' %"


@pytest.mark.django_db
@pytest.mark.parametrize("key", ["7", "it's", "a%s\\b", "ключ", mark_safe("safe"), 7])
def test_a_key_of_any_kind_is_written_as_its_text(key):
    execute_together("default", Insert(OutboxMessage, *GIVEN).of("default", row(key)))
    stored = OutboxMessage.objects.get()
    assert stored.key == str(key)
    assert (stored.captured_at, stored.due_at) == (NOW, NOW)
    assert (stored.attempts, stored.session, stored.is_dead) == (0, "", False)
    assert stored.failing_since is None


def row(key: object) -> tuple[object, ...]:
    return (1, "order", key, NOW, NOW)
