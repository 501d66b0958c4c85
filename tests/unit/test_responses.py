"""What an HTTP answer means."""

from __future__ import annotations

import json
from datetime import datetime, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from esputnik_connector.destinations.esputnik.answers.responses import EsputnikResponses
from esputnik_connector.destinations.responses import (
    STANDARD_ROWS,
    RawAnswer,
    ResponseRules,
    Row,
    retry_after,
    vendor_words,
)
from esputnik_connector.exceptions import CredentialsError, RejectedError, TemporaryError

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=timezone.utc)
HTML = b"<!DOCTYPE html><html><body>Attention required</body></html>"


def meaning(status, content=b"", **headers):
    named = {name.replace("_", "-").title(): value for name, value in headers.items()}
    body = content if isinstance(content, bytes) else json.dumps(content).encode()
    answer = RawAnswer(status=status, content=body, headers=named)
    return EsputnikResponses("eSputnik").classify(answer, now=NOW)


def test_a_success_is_its_parsed_body():
    answer = meaning(200, {"id": 5})
    assert answer.body == {"id": 5}
    assert answer.was_readable


@pytest.mark.parametrize(("content", "text"), [(b"", ""), (b"  \n", ""), (b"Stored", "Stored")])
def test_a_success_may_be_empty_or_plain_text(content, text):
    answer = meaning(200, content)
    assert (answer.body, answer.text, answer.was_readable) == (None, text, True)


def test_a_byte_order_mark_is_no_part_of_the_answer():
    assert meaning(200, b"\xef\xbb\xbf{}").body == {}


@pytest.mark.parametrize("content", [b'{"failedContacts": [', b'["a"', b'{"a": 1} trailing'])
def test_a_success_that_broke_off_is_flagged_as_unreadable(content):
    assert not meaning(200, content).was_readable


def test_text_that_claims_to_be_json_is_unreadable():
    assert not meaning(200, b"oops", content_type="application/json; charset=UTF-8").was_readable


def test_absurdly_nested_json_is_unreadable():
    assert not meaning(200, b"[" * 200_000).was_readable


@pytest.mark.parametrize("status", [200, 400, 401, 403, 404, 409, 500, 503])
def test_an_html_page_is_temporary_whatever_its_status(status):
    with pytest.raises(TemporaryError, match="HTML page") as caught:
        meaning(status, HTML)
    assert caught.value.status == status
    assert caught.value.was_received


@pytest.mark.parametrize("status", [301, 302, 307, 308])
def test_a_redirect_says_so(status):
    with pytest.raises(TemporaryError, match="redirect"):
        meaning(status, b"", location="https://elsewhere.test")


@pytest.mark.parametrize("status", [408, 500, 502, 503, 504, 520])
def test_a_tired_server_is_temporary(status):
    with pytest.raises(TemporaryError) as caught:
        meaning(status, {"message": "later"}, retry_after="7")
    assert (caught.value.status, caught.value.retry_after) == (status, 7)
    assert caught.value.was_received


def test_too_many_requests_were_not_looked_at():
    with pytest.raises(TemporaryError) as caught:
        meaning(429, b"", retry_after="3")
    assert (caught.value.status, caught.value.retry_after) == (429, 3)
    assert not caught.value.was_received


@pytest.mark.parametrize("status", [401, 403])
@pytest.mark.parametrize("content", [{"message": "Bad key"}, b"Bad key"])
def test_the_vendors_own_refusal_of_the_key(status, content):
    with pytest.raises(CredentialsError, match=f"{status}: Bad key") as caught:
        meaning(status, content)
    assert caught.value.status == status


def test_an_empty_401_is_the_vendors_and_an_empty_403_is_a_firewalls():
    with pytest.raises(CredentialsError):
        meaning(401)
    with pytest.raises(TemporaryError):
        meaning(403)


def test_a_long_text_beside_a_403_is_somebody_elses_page():
    with pytest.raises(TemporaryError):
        meaning(403, b"Your request was blocked. " * 100)


def test_an_error_inside_a_200_is_an_error():
    with pytest.raises(CredentialsError):
        meaning(200, {"status": 401, "message": "Bad key"})


def test_the_status_of_an_import_is_no_error():
    assert meaning(200, {"status": "FINISHED"}).body == {"status": "FINISHED"}


@pytest.mark.parametrize(
    ("status", "content"),
    [(409, b""), (400, b"Duplicated request"), (400, {"message": "Duplicated request found"})],
)
def test_a_repeated_request_was_accepted_already(status, content):
    assert meaning(status, content).is_duplicate


@pytest.mark.parametrize("status", [400, 404, 405, 413, 415, 422])
def test_other_refusals_carry_the_vendors_words(status):
    with pytest.raises(RejectedError, match=f"{status}: No such thing") as caught:
        meaning(status, {"errorMessage": "No such thing"})
    assert caught.value.status == status


def test_a_refusal_keeps_no_personal_data():
    with pytest.raises(RejectedError) as caught:
        meaning(400, b"olena@example.com and +380501234567 are wrong")
    assert "olena" not in str(caught.value)
    assert "380501234567" not in str(caught.value)


def test_the_vendors_words_are_cut():
    assert len(vendor_words(None, "word " * 1000)) <= 300


def test_an_error_of_unknown_shape_is_quoted_whole():
    body = {"params": {"externalOrderId": {"required": True}}}
    assert "externalOrderId" in vendor_words(body)


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        (None, 0),
        ("", 0),
        ("120", 120),
        ("0.5", 0.5),
        ("-5", 0),
        ("nan", 0),
        ("inf", 0),
        ("999999999", 3600),
        ("soon", 0),
        ("Sun, 01 Mar 2026 12:01:00 GMT", 60),
        ("Sun, 01 Mar 2026 12:01:00 -0000", 60),
        ("Sun, 01 Mar 2026 11:00:00 GMT", 0),
        ("Mon, 01 Mar 2027 11:00:00 GMT", 3600),
        ("  7 ", 7),
        ("1e400", 0),
        ("1,5", 0),
        ("0x10", 0),
        ("7 seconds", 0),
        ("120, 120", 0),  # two headers of two proxies, joined
        ("Fri, 31 Dec 9999 23:59:59 GMT", 3600),
        ("Fri, 31 Dec 99999 23:59:59 GMT", 0),
        ("Mon, 01 Jan 0001 00:00:00 +2359", 0),
        ("Sun, 01 Mar 2026 12:01:00 +9999", 0),
    ],
)
def test_retry_after_is_a_number_or_a_date_within_bounds(value, seconds):
    assert retry_after(value, now=NOW) == seconds


@given(st.text())
def test_whatever_stands_in_retry_after_is_a_wait_that_makes_sense(value):
    assert 0 <= retry_after(value, now=NOW) <= 3600


@given(st.sampled_from([429, 503, 408, 500]), st.text(max_size=30), st.binary(max_size=200))
def test_whatever_a_busy_platform_says_it_is_asked_again(status, value, content):
    """Nothing in such an answer makes a refusal, or an error of ours, of it."""
    raw = RawAnswer(status=status, content=content, headers={"Retry-After": value})
    with pytest.raises(TemporaryError):
        ResponseRules().classify(raw, now=NOW)


# Another platform's table


class Teapots(ResponseRules):
    """A platform whose 418 means that it is busy."""

    rows = (
        Row(
            fits=lambda reading: reading.status == 418,
            means=lambda reading: raise_busy(reading),
        ),
        *STANDARD_ROWS,
    )


def raise_busy(reading):
    raise reading.temporary("brewing")


def test_a_row_in_front_decides_before_the_common_table():
    answer = RawAnswer(status=418, content=b"{}", headers={"Retry-After": "5"})
    with pytest.raises(TemporaryError, match="brewing") as caught:
        Teapots("Teapot").classify(answer, now=NOW)
    assert caught.value.retry_after == 5
    with pytest.raises(RejectedError):
        ResponseRules("Teapot").classify(answer, now=NOW)


@pytest.mark.parametrize(
    ("status", "content"), [(409, b"{}"), (400, b"Duplicated request"), (418, b"")]
)
def test_what_no_row_of_the_common_table_names_is_a_refusal(status, content):
    with pytest.raises(RejectedError):
        ResponseRules().classify(RawAnswer(status=status, content=content), now=NOW)


def test_a_status_in_the_body_of_a_success_is_one_platforms_habit():
    raw = RawAnswer(status=200, content=b'{"status": 401}')
    assert ResponseRules().classify(raw, now=NOW).status == 200
    with pytest.raises(CredentialsError):
        EsputnikResponses("eSputnik").classify(raw, now=NOW)


def test_a_refusal_of_somebody_else_names_the_platform():
    raw = RawAnswer(status=403, content=b"")
    with pytest.raises(TemporaryError, match="not Acme's own"):
        ResponseRules("Acme").classify(raw, now=NOW)
