"""What the class of a destination says of its platform, without an account."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest
from django.core.exceptions import ValidationError

from esputnik_connector.destinations import platform
from esputnik_connector.destinations.base import AccountField, EraseMode
from esputnik_connector.destinations.esputnik.destination import EsputnikDestination
from esputnik_connector.destinations.platform import LONGEST_REQUEST, Platform
from esputnik_connector.records import Kind


class Bare(Platform):
    """States nothing: every capability is left out."""


class Acme(Platform):
    batch_sizes = {Kind.CONTACT: 10}
    option_names = ("pace", "region")
    status_hints = (("LOST", ("not delivered", "lost")), ("DONE", ("delivered", "done")))
    erase_modes = (
        EraseMode(value="hide", label="Hide", is_erasure=False),
        EraseMode(value="erase", label="Erase"),
    )


FIELDS = {
    "7": AccountField(id="7", name="Points"),
    "8": AccountField(id="8", name="Created", is_read_only=True),
}


def test_what_a_platform_leaves_out_it_does_not_have():
    assert not any(Bare.supports(kind) for kind in Kind)
    flags = [name for name in vars(Platform) if name.startswith("supports_")]
    assert len(flags) >= 5
    assert not any(getattr(Bare, name) for name in flags)
    assert Bare.check({}) == []
    assert Bare.longest_request({}) == LONGEST_REQUEST


def test_each_attribute_is_described_beneath_where_its_author_reads_it():
    body = ast.parse(Path(platform.__file__).read_text()).body
    (found,) = [node for node in body if isinstance(node, ast.ClassDef)]
    declared = [node for node in found.body if isinstance(node, ast.AnnAssign)]
    assert len(declared) > 15
    for attribute in declared:
        follower = found.body[found.body.index(attribute) + 1]
        is_text = isinstance(follower, ast.Expr) and isinstance(follower.value, ast.Constant)
        assert is_text, f"{ast.unparse(attribute.target)} has no docstring"
        assert str(follower.value.value).strip().endswith((".", '"', "?"))


def test_a_kind_with_a_batch_size_is_supported():
    assert Acme.supports(Kind.CONTACT)
    assert not Acme.supports(Kind.ORDER)


def test_an_unknown_option_is_named_with_the_one_that_was_meant():
    (message,) = Acme.check({"pase": 1})
    assert message.id == "esputnik_connector.E010"
    assert "Did you mean 'pace'?" in message.msg
    (message,) = Acme.check({"zzz": 1})
    assert "pace, region" in message.msg
    (message,) = Bare.check({"zzz": 1})
    assert "There are none." in message.msg
    assert Acme.check({"pace": 1, "region": "ua"}) == []


@pytest.mark.parametrize(
    ("shop_status", "proposal"),
    [("Delivered", "DONE"), ("Not delivered", "LOST"), ("LOST", "LOST"), ("Pending", ""), ("", "")],
)
def test_the_first_hint_that_fits_is_proposed(shop_status, proposal):
    assert Acme.propose_status(shop_status) == proposal


def test_the_usual_way_to_erase_is_the_first_and_no_way_means_for_good():
    assert not Acme.is_erasing("")
    assert Acme.is_erasing("erase")
    assert not Acme.is_erasing("hide")
    assert Bare.is_erasing("")
    assert Acme.is_erasing("gone from the settings")


def test_an_id_of_a_field_is_taken_without_spaces_and_never_empty():
    assert Bare.clean_field_id("  points ") == "points"
    with pytest.raises(ValidationError):
        Bare.clean_field_id("   ")


@pytest.mark.parametrize("written", ["7", " 7 ", "007"])
def test_an_id_of_esputnik_is_a_whole_number_in_one_form(written):
    assert EsputnikDestination.clean_field_id(written) == "7"


@pytest.mark.parametrize("written", ["0", "-7", "7.5", "seven", "７", "", "1e3"])
def test_anything_else_is_no_id_of_esputnik(written):
    with pytest.raises(ValidationError):
        EsputnikDestination.clean_field_id(written)


def test_a_field_of_the_account_may_be_mapped():
    Bare.check_mapped_field("7", FIELDS)


def test_a_field_that_the_account_lacks_is_refused_in_words():
    with pytest.raises(ValidationError, match="has no field 999999"):
        Bare.check_mapped_field("999999", FIELDS)


def test_a_field_that_only_the_account_fills_is_refused_by_name():
    with pytest.raises(ValidationError, match="Created"):
        Bare.check_mapped_field("8", FIELDS)


def test_while_the_fields_are_unknown_any_id_may_be_mapped():
    Bare.check_mapped_field("999999", {})
