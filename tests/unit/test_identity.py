from __future__ import annotations

import re
import unicodedata
import uuid

import phonenumbers
import pytest
from django.core.exceptions import ValidationError
from hypothesis import given
from hypothesis import strategies as st
from phonenumber_field.phonenumber import PhoneNumber, to_python

from esputnik_connector import identity

SALT = "a salt"
FAMILY = "👩\u200d👩\u200d👧"


@pytest.mark.parametrize(
    ("given_", "expected"),
    [
        ("  Ann.Lee@Example.COM ", "Ann.Lee@example.com"),
        ("ann@приклад.укр", "ann@приклад.укр"),
        ("no at sign", ""),
        ("ann@", ""),
        ("@example.com", ""),
        ("a b@example.com", ""),
        ('"a b"@example.com', ""),
        ("ann@example.com\nBcc: all@example.com", ""),
        ("", ""),
        (None, ""),
    ],
)
def test_an_email_is_stripped_and_its_domain_lower_cased(given_, expected):
    assert identity.email(given_) == expected


@given(st.one_of(st.emails(), st.text()))
def test_a_canonical_email_stays_as_it_is(value):
    once = identity.email(value)
    assert identity.email(once) == once


@pytest.mark.parametrize(
    ("written", "region", "expected"),
    [
        ("+380 (50) 123-45-67", "", "+380501234567"),
        ("050 123 45 67", "UA", "+380501234567"),
        ("050 123 45 67", "ua", "+380501234567"),
        ("380501234567", "UA", "+380501234567"),
        ("00380501234567", "", "+380501234567"),
        ("0044 20 8366 1177", "US", "+442083661177"),
        ("tel:+44-20-8366-1177", "", "+442083661177"),
        ("050 123 45 67", "", ""),
        ("12345", "UA", ""),
        ("+380 50 123 45 67 89 10", "", ""),
        ("call me", "UA", ""),
        ("+NoneNone", "UA", ""),
        ("", "UA", ""),
        (None, "UA", ""),
        (380501234567, "UA", ""),
    ],
)
def test_a_phone_becomes_e164_or_nothing(written, region, expected):
    assert identity.phone(written, region=region) == expected


def test_a_phone_number_object_is_understood():
    assert identity.phone(PhoneNumber.from_string("+380501234567")) == "+380501234567"


def test_an_unparsable_phone_number_object_is_nothing_although_it_is_truthy():
    unparsable = to_python("call me")
    assert unparsable
    assert unparsable.as_e164 == "+NoneNone"
    assert identity.phone(unparsable) == ""


def test_an_unparsable_phone_number_object_is_read_again_by_region():
    assert identity.phone(to_python("050 123 45 67", region=None), region="UA") == "+380501234567"


@given(st.one_of(st.text(), st.from_regex(r"\+?380[0-9]{9}", fullmatch=True)))
def test_a_phone_is_canonical_or_empty(value):
    canonical = identity.phone(value, region="UA")
    assert canonical == "" or re.fullmatch(r"\+[0-9]{7,15}", canonical)
    assert identity.phone(canonical) == canonical
    assert identity.digits(canonical) == canonical[1:]


REGIONS = sorted(phonenumbers.SUPPORTED_REGIONS)


def told_by_the_library(written: str) -> str:
    try:
        number = phonenumbers.parse(written)
    except phonenumbers.NumberParseException:
        return ""
    if not phonenumbers.is_valid_number(number):
        return ""
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)


@given(st.sampled_from(REGIONS), st.integers(0, 10**10))
def test_a_phone_that_is_canonical_already_is_read_as_the_library_reads_it(region, digits):
    example = phonenumbers.example_number_for_type(region, phonenumbers.PhoneNumberType.MOBILE)
    national = str(example.national_number if example else "")
    written = f"+{phonenumbers.country_code_for_region(region)}{national[:-4]}{digits}"
    assert identity.phone(written) == told_by_the_library(written)


@pytest.mark.parametrize("kind", phonenumbers.PhoneNumberType.values())
def test_a_number_of_each_type_and_country_is_read_as_the_library_reads_it(kind):
    for region in REGIONS:
        example = phonenumbers.example_number_for_type(region, kind)
        if example is None:
            continue
        right = phonenumbers.format_number(example, phonenumbers.PhoneNumberFormat.E164)
        changed = [f"{right[:-1]}{digit}" for digit in "0159"]
        for written in (right, right[:-1], f"{right}7", *changed):
            assert identity.phone(written) == told_by_the_library(written), written


@given(st.emails())
def test_an_address_is_read_as_djangos_validator_reads_it(address):
    local, _, domain = address.rpartition("@")
    canonical = f"{local}@{domain.lower()}"
    try:
        identity.is_email(canonical)
    except ValidationError:
        canonical = ""
    assert identity.email(address) == canonical


@given(st.from_regex(identity.USUAL_EMAIL, fullmatch=True))
def test_what_looks_like_an_address_at_a_glance_is_one(address):
    identity.is_email(address)
    assert identity.email(address) == identity.email(f" {address} ") == address


@pytest.mark.parametrize(
    ("code", "tag"),
    [
        ("uk", "uk"),
        ("en-gb", "en-GB"),
        ("EN_gb", "en-GB"),
        ("zh-hans", "zh-Hans"),
        ("zh-hant-tw", "zh-Hant-TW"),
        ("es-419", "es-419"),
        ("uk_UA.UTF-8", "uk-UA"),
        ("", ""),
        ("x", ""),
        ("english", ""),
        ("en-", ""),
        ("en gb", ""),
        (None, ""),
    ],
)
def test_a_language_code_becomes_a_tag(code, tag):
    assert identity.language(code) == tag


@given(st.text(max_size=20))
def test_a_language_tag_stays_as_it_is(value):
    once = identity.language(value)
    assert identity.language(once) == once


@pytest.mark.parametrize(
    ("raw", "clean"),
    [
        ("  a \t\n b ", "a b"),
        ("a\x00b\x07c", "abc"),
        ("a\ud800b", "ab"),
        ("a\ufffeb\ufeffc", "abc"),
        ("e\u0301", "é"),
        ("e\x00\u0301", "é"),
        (f"hello {FAMILY} 🇺🇦", f"hello {FAMILY} 🇺🇦"),
        (None, ""),
        (7, "7"),
        *[
            (f" {blank} {blank}", "")
            for blank in "\u200b\u2060\u00ad\u200e\u200d\ufe0f\u3164\u2800"
        ],
        ("Оле\u00adна", "Оле\u00adна"),
    ],
)
def test_text_is_one_clean_line(raw, clean):
    assert identity.text(raw) == clean


@pytest.mark.parametrize(
    ("long", "limit", "cut"),
    [
        ("abcdef", 3, "abc"),
        ("ab cdef", 3, "ab"),
        (f"ab{FAMILY}", 4, "ab"),
        ("ab👍🏽", 3, "ab"),
        ("ab❤\ufe0f", 3, "ab"),
        ("a🇺🇦🇬🇧", 4, "a🇺🇦"),
        ("a🇺🇦🇬🇧", 3, "a🇺🇦"),
        ("abq\u0323\u0307", 4, "ab"),
        ("\u0323" * 9, 4, "\u0323" * 4),
        ("\u00ad" * 4 + "a", 4, ""),  # soft hyphens: nothing is left to see
    ],
)
def test_text_is_never_cut_inside_a_visible_character(long, limit, cut):
    assert identity.text(long, limit=limit) == cut


@given(st.text(st.characters(exclude_categories=[])), st.integers(1, 40))
def test_text_fits_and_stays_as_it_is(value, limit):
    once = identity.text(value, limit=limit)
    assert len(once) <= limit
    assert identity.text(once, limit=limit) == once
    assert not {unicodedata.category(char) for char in once} & {"Cc", "Cs"}
    once.encode()


@pytest.mark.parametrize(
    ("message", "safe"),
    [
        ("contact ann.lee@example.com is unknown", "contact [e-mail] is unknown"),
        ("?email=ann%40example.com&x=1", "[e-mail]&x=1"),
        ("phone 380501234567 is bad", "phone [phone] is bad"),
        ("phone +380 (50) 123-45-67!", "phone [phone]!"),
        ("error 400 on line 123456", "error 400 on line 123456"),
        ("phone 050/123/45/67 is bad", "phone [phone] is bad"),
        ("phone 123-45-67 is bad", "phone [phone] is bad"),
        ("phone 0501234567 is bad", "phone [phone] is bad"),
        ("order 1000123 is unknown", "order 1000123 is unknown"),
        ("orders 1000123 10001234", "orders 1000123 10001234"),
        ('{"firstName": "Олена", "id": 7}', '{"firstName": [text], "id": 7}'),
        ("lastName=Шевченко, id=7", "lastName=[text], id=7"),
        ("deliveryAddress: вул. Хрещатик 1; id", "deliveryAddress: [text]; id"),
        ("Invalid value 'Олена' of 'firstName'", "Invalid value '[text]' of 'firstName'"),
        ('Invalid value "Khreshchatyk 1"', 'Invalid value "[text]"'),
        ("Value «Olena» isn't 'STATUS'", "Value «[text]» isn't 'STATUS'"),
        ('{"errors": ["Contact not found"]}', '{"errors": ["Contact not found"]}'),
        ("Authorization: Basic dXNlcjprZXk=", "Authorization: [secret]"),
        ('{"Authorization": "Bearer abc.def"}', '{"Authorization": "[secret]"}'),
        ("sent Basic dXNlcjprZXk=, refused", "sent Basic [secret], refused"),
        ("Bearer eyJhbGciOi.J9-_x", "Bearer [secret]"),
        ("Basic authentication failed", "Basic authentication failed"),
        (
            "session 123e4567-e89b-12d3-a456-426614174000 of 2026-05-01T10:20:30",
            "session 123e4567-e89b-12d3-a456-426614174000 of 2026-05-01T10:20:30",
        ),
    ],
)
def test_a_message_loses_personal_data_and_secrets(message, safe):
    assert identity.redact(message) == safe


@given(st.text(), st.emails(), st.text())
def test_no_email_survives_redaction(before, address, after):
    assert address not in identity.redact(f"{before} {address} {after}")


def test_a_redacted_message_is_short_and_a_page_is_read_in_time():
    assert len(identity.redact("x" * 1_000_000)) == 500
    assert len(identity.redact("1-" * 1_000_000)) <= 500


def test_a_fingerprint_needs_the_salt_and_ignores_case():
    first = identity.fingerprint("Ann@example.com", salt=SALT)
    assert first == identity.fingerprint("ann@example.com", salt=SALT)
    assert first != identity.fingerprint("ann@example.com", salt="another")
    assert re.fullmatch("[0-9a-f]{64}", first)


def test_nothing_has_no_fingerprint():
    assert identity.fingerprint("", salt=SALT) == ""


@given(st.text(st.characters(codec="utf-8")))
def test_a_cart_token_looks_like_a_uuid_and_stays_the_same(key):
    token = identity.cart_token(key, salt=SALT)
    assert str(uuid.UUID(token)) == token
    assert token == identity.cart_token(key, salt=SALT)
    assert token != identity.cart_token(key, salt="another")
