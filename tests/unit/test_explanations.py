"""A sentence that a worker writes down is read in the language of whoever reads it."""

from __future__ import annotations

import pickle

import pytest
from django.utils import translation

from esputnik_connector import storable
from esputnik_connector.exceptions import RejectedError
from esputnik_connector.explanations import Explanation, gettext, read, stored

REFUSED = "Refused with %(status)d: %(words)s"


def made() -> str:
    return gettext(REFUSED) % {"status": 400, "words": "no such field"}


def in_ukrainian(column: str) -> str:
    with translation.override("uk"):
        return read(column)


def test_it_is_the_text_that_it_is():
    text = made()
    assert text == "Refused with 400: no such field"
    assert isinstance(text, str)
    assert f"{text}." == "Refused with 400: no such field."


def test_what_was_stored_is_read_in_the_readers_language():
    column = stored(made())
    assert "Refused with 400" not in column  # the code and its parameters, not the sentence
    assert read(column) == made()
    with translation.override("uk"):
        expected = translation.gettext(REFUSED) % {"status": 400, "words": "no such field"}
    assert in_ukrainian(column) == expected != made()


def test_it_stays_what_it_is_through_an_exception_and_a_cleaning():
    error = RejectedError(gettext(REFUSED) % {"status": 400, "words": "half \ud83d"}, status=400)
    column = stored(str(error))
    column.encode()
    assert in_ukrainian(column) != str(error)
    assert "\N{REPLACEMENT CHARACTER}" in in_ukrainian(column)
    assert len(storable.words(gettext("%s") % ("x" * 5000))) == storable.WORDS_LENGTH


def test_a_sentence_within_a_sentence_is_read_in_the_readers_language_too():
    outer = gettext("Not well-formed: %s") % made()
    with translation.override("uk"):
        inner = translation.gettext(REFUSED) % {"status": 400, "words": "no such field"}
    assert in_ukrainian(stored(outer)).endswith(inner)
    assert in_ukrainian(stored(gettext("Not well-formed: %s") % ValueError(made()))).endswith(inner)


def test_what_is_read_may_be_stored_again():
    column = stored(made())
    assert stored(read(column)) == column
    assert stored(pickle.loads(pickle.dumps(made()))) in (column, made())


@pytest.mark.parametrize(
    "text",
    [
        "",
        "Refused with 401: a text of a former version",
        '{"code": ',
        '{"code": "a %(missing)s", "params": {}}',
        '{"code": 7}',
        '{"code": "%d", "params": ["x"]}',
        '{"error": "of the destination"}',
    ],
)
def test_any_other_text_is_read_as_it_stands(text):
    assert read(text) == text
    assert stored(text) == text


def test_a_percent_sign_in_a_parameter_is_no_pattern():
    text = gettext(REFUSED) % {"status": 400, "words": "100 % %(status)s"}
    assert read(stored(text)) == text == "Refused with 400: 100 % %(status)s"


def test_a_text_without_a_code_is_stored_as_it_is():
    assert stored(Explanation("plain")) == "plain"
