"""What a worker wrote down in English is read in Ukrainian by a Ukrainian merchant."""

from __future__ import annotations

import pytest
from django.db import connection as database
from django.utils import timezone, translation

from esputnik_connector.destinations.responses import RawAnswer, ResponseRules
from esputnik_connector.exceptions import RejectedError, TemporaryError
from esputnik_connector.feed.safeguards import verdict
from esputnik_connector.models import Attempt, Backfill, Connection, Lane, OutboxMessage
from esputnik_connector.pipeline.delivery.pace.rest import defect_in_words

pytestmark = pytest.mark.django_db

DOWN = RawAnswer(status=503, content=b'{"message": "maintenance"}')


def answer(raw: RawAnswer) -> Exception:
    """As a worker meets it, whose language is English."""
    with pytest.raises((TemporaryError, RejectedError)) as caught:
        ResponseRules("eSputnik").classify(raw, now=timezone.now())
    return caught.value


def in_both(read) -> tuple[str, str]:
    with translation.override("uk"):
        ukrainian = read()
    return read(), ukrainian


@pytest.fixture
def main(db) -> Connection:
    return Connection.objects.create(name="main", api_key="k")


def test_why_a_connection_is_paused(main):
    main.pause(str(answer(DOWN)))
    english, ukrainian = in_both(lambda: Connection.objects.get().pause_detail)
    assert english == "Answered 503: maintenance"
    assert ukrainian != english
    assert "503: maintenance" in ukrainian


def test_why_a_lane_rests(main):
    lane = Lane.objects.create(connection=main, kind="order")
    lane.pause(until=timezone.now(), detail=defect_in_words(ValueError("x")), failures=1)
    english, ukrainian = in_both(lambda: Lane.objects.get().pause_detail)
    assert "ValueError" in english
    assert "ValueError" in ukrainian
    assert ukrainian != english


def test_why_a_record_was_refused_in_its_row_and_in_its_history(main):
    words = str(answer(RawAnswer(status=422, content=b'{"message": "unknown status"}')))
    row = OutboxMessage.objects.create(connection=main, kind="order", key="1", detail=words)
    Attempt.objects.bulk_create(
        [Attempt(connection=main, kind="order", key="1", outcome="rejected", detail=row.detail)]
    )
    row.attempts = 2
    OutboxMessage.objects.bulk_update([row], ["attempts", "detail"])
    for model in (OutboxMessage, Attempt):
        english, ukrainian = in_both(lambda model=model: model.objects.get().detail)
        assert english == "Refused with 422: unknown status"
        assert ukrainian != english
        (listed,) = in_both(lambda model=model: model.objects.values_list("detail")[0])[1]
        assert listed == ukrainian


def test_what_a_build_says_of_itself():
    found = verdict(written=77, found=77, former=210, largest_shrink=20, is_changed=True)
    run = Backfill(detail=found.detail)
    column = Backfill._meta.get_field("detail")
    prepared = column.get_prep_value(run.detail)
    english, ukrainian = in_both(lambda: column.from_db_value(prepared, None, database))
    assert english == "Only 77 items instead of 210 (63 % less)."
    assert ukrainian != english
    assert "77" in ukrainian


def test_a_text_of_a_former_version_is_read_as_it_is(main):
    with database.cursor() as cursor:
        cursor.execute(
            "UPDATE esputnik_connector_connection SET pause_detail = %s", ["Відмовлено з кодом 401"]
        )
    assert in_both(lambda: Connection.objects.get().pause_detail) == ("Відмовлено з кодом 401",) * 2
