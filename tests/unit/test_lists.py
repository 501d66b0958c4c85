"""eSputnik's lists and values in every form that an answer may give them."""

from __future__ import annotations

import pytest

from esputnik_connector.destinations.esputnik.answers import lists
from esputnik_connector.destinations.responses import Answer
from esputnik_connector.exceptions import TemporaryError


@pytest.mark.parametrize(
    ("value", "found"),
    [
        ([{"id": 1}, {"id": 2}], [{"id": 1}, {"id": 2}]),
        ({"id": 1}, [{"id": 1}]),  # a list of one element may be a bare object
        ([], []),
        (None, []),
        ("text", []),
        (5, []),
        ([{"id": 1}, "odd", None, 3], [{"id": 1}]),
    ],
)
def test_objects_are_found_in_a_list_or_in_its_place(value, found):
    assert lists.objects(value) == found


@pytest.mark.parametrize(
    ("value", "found"),
    [("  a ", "a"), (17, "17"), (2.5, "2.5"), (None, ""), (True, ""), ([], ""), ({}, ""), ("", "")],
)
def test_a_number_or_a_text_is_text_and_nothing_else_is(value, found):
    assert lists.text(value) == found


@pytest.mark.parametrize("value", [True, "true", "TRUE", " True "])
def test_true_may_be_written_as_text(value):
    assert lists.is_true(value)


@pytest.mark.parametrize("value", [False, None, "false", "", 1, 0, "yes", [], {}])
def test_nothing_else_is_true(value):
    assert not lists.is_true(value)


def test_a_body_of_the_documented_form_is_read():
    assert lists.readable(Answer(status=200, body={"a": 1}), dict) == {"a": 1}
    assert lists.readable(Answer(status=200, body=[1]), (dict, list)) == [1]


@pytest.mark.parametrize(
    "answer",
    [
        Answer(status=200, body=None),
        Answer(status=200, body="maintenance"),
        Answer(status=200, body=[1]),
        Answer(status=200, body={"cut": 1}, was_readable=False),
    ],
    ids=["empty", "text", "list", "broken"],
)
def test_any_other_body_is_temporary_and_proves_nothing(answer):
    with pytest.raises(TemporaryError):
        lists.readable(answer, dict)
