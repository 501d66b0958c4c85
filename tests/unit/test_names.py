"""Names in the form that eSputnik takes: a bad one never costs the person."""

from __future__ import annotations

from dataclasses import replace

import pytest

from esputnik_connector.destinations.esputnik.contacts.payload import contact_envelope
from esputnik_connector.destinations.esputnik.orders.payload import order_envelope
from esputnik_connector.records import Note
from esputnik_connector.testing.fake_esputnik.forms import name_problem
from tests.unit.samples import ACCOUNT, CONTACT, ORDER

NAMES = [
    ("Олена", "Олена"),
    ("O'Neil", "O'Neil"),
    ("Дем’янчук", "Дем’янчук"),
    ("Anna-Maria", "Anna-Maria"),
    ("de la Cruz", "de la Cruz"),
    ("Smith Jr.", "Smith Jr."),
    ("J.R. Tolkien", "J. R. Tolkien"),
    ("नरेन्द्र", "नरेन्द्र"),
    ("John 3", "John 3"),
    ("(VIP) 2024", "VIP"),
    ("Ann ❤️", "Ann"),
    ("-Ann- 'Bee'", "Ann Bee"),
    ("Smith/Jones & Co", "Smith Jones Co"),
    ("Doctor. Who", "Doctor Who"),
    ("ann@example.com", ""),
    ("Jean--Luc", "Jean-Luc"),
    ("Anna Maria Louise Katharina", "Anna Maria Louise"),
    ("Antidisestablishmentarianism Pneumonoultramicro", "Antidisestablishmentarianism"),
    ("x" * 41, ""),
    ("12345", ""),
    ("---", ""),
    ("?", ""),
    ("", ""),
]


@pytest.mark.parametrize(("given", "taken"), NAMES)
@pytest.mark.parametrize("field", ["first_name", "last_name"])
def test_a_name_is_cleaned_else_left_out_and_never_the_person(given, taken, field):
    envelope = contact_envelope(replace(CONTACT, **{field: given}), account=ACCOUNT, last=None)
    name = {"first_name": "firstName", "last_name": "lastName"}[field]
    assert envelope.payload["contact"].get(name, "") == taken
    assert (Note.NAME_MENDED in envelope.notes) is (given != taken)
    if taken:
        assert name_problem(taken, is_first=True) == ""


def test_so_it_is_with_the_names_of_an_order():
    envelope = order_envelope(replace(ORDER, first_name="(VIP) 2024"), account=ACCOUNT, last=None)
    assert envelope.payload["order"]["firstName"] == "VIP"
    assert Note.NAME_MENDED in envelope.notes
