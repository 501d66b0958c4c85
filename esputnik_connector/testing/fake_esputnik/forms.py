"""What eSputnik takes as a name and as the value of an additional field.

A field of a wrong form is not stored, and nothing in the answer says so; about a name the documents
disagree, so the account's settings decide.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

from .settings import Settings

NAMES = ("firstName", "lastName")
NAME_LENGTH = 40
NAME_DIGITS = 3
SHORT_WORD = 3  # letters
WORDS_OF_A_KIND = 3  # long ones, and as many short ones; of first names
LETTERS = ("L", "M")  # Unicode categories: vowel signs are letters of some alphabets
APOSTROPHES = "'\u2019\u02bc`"
HYPHEN = "-"
TEXT_LENGTHS = {"TEXTFIELD": 1000, "TEXTAREA": 5000}
UNSUPPORTED = "%^*|~{"  # in texts
LARGEST = 2_147_483_647
DAYS = ("%Y-%m-%d", "%d/%m/%Y", "%d.%m.%y", "%d.%m.%Y")
MINUTES = ("%Y-%m-%dT%H:%M",)

Dropped = dict[str, str]  # firstName, lastName or field:<id> → why it is not stored


def unstorable(body: Mapping[str, Any], settings: Settings, *, bad_names: str) -> Dropped:
    """The fields of a contact that eSputnik silently does not store."""
    return dict(_unstorable(body, settings, bad_names=bad_names))


def _unstorable(
    body: Mapping[str, Any], settings: Settings, *, bad_names: str
) -> Iterator[tuple[str, str]]:
    if bad_names == "drop":
        yield from _name_problems(body)
    known = {int(entry["id"]): entry for entry in settings.additional_fields}
    for entry in body.get("fields", ()):
        if entry["id"] not in known:
            if settings.unknown_fields == "drop":
                yield f"field:{entry['id']}", "no such field"
        elif why := field_problem(known[entry["id"]], str(entry["value"])):
            yield f"field:{entry['id']}", why


def without_names(body: Any) -> Any:
    """A contact, alone or wrapped, as it is judged where a person may be called anything."""
    if not isinstance(body, dict):
        return body
    return {
        name: without_names(value) if name == "contact" else value
        for name, value in body.items()
        if name not in NAMES or not isinstance(value, str)
    }


def names_problem(body: Mapping[str, Any]) -> str:
    """What is wrong with the names of a contact or an order, or an empty text."""
    return next((f"{name}: {why}" for name, why in _name_problems(body)), "")


def _name_problems(body: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    for name in NAMES:
        text = body.get(name)
        if isinstance(text, str) and (why := name_problem(text, is_first=name == "firstName")):
            yield name, why


def name_problem(text: str, *, is_first: bool) -> str:
    """What is wrong with a first or last name, or an empty text."""
    if len(text) > NAME_LENGTH:
        return f"{len(text)} characters; at most {NAME_LENGTH} are taken"
    if sum(character.isdigit() for character in text) > NAME_DIGITS:
        return f"numbers are not allowed, but for {NAME_DIGITS} digits"
    words = [word for word in text.split() if word != HYPHEN]
    if not any(_is_letter(character) for character in text):
        return "no letter in it"
    if bad := next((word for word in words if not _is_word(word)), ""):
        return f"special characters are not allowed: {bad}"
    short = [word for word in words if len(word.rstrip(".")) <= SHORT_WORD]
    if is_first and max(len(short), len(words) - len(short)) > WORDS_OF_A_KIND:
        return f"{len(words)} words; {WORDS_OF_A_KIND} long and {WORDS_OF_A_KIND} short are taken"
    return ""


def _is_letter(character: str) -> bool:
    return unicodedata.category(character).startswith(LETTERS)


def _is_word(word: str) -> bool:
    """Letters and digits, signs only between them, a dot only behind up to three letters."""
    core = word[:-1] if word.endswith(".") and len(word) <= SHORT_WORD + 1 else word
    parts = re.split(f"[{re.escape(APOSTROPHES + HYPHEN)}]", core)
    return all(part and all(_is_letter(one) or one.isdigit() for one in part) for part in parts)


def field_problem(field: Mapping[str, Any], value: str) -> str:
    """Why a value is not stored in an additional field, or an empty text."""
    kind = str(field["type"]).upper()
    choices = field.get("allowedValues", {}).get("possibleValues")
    if field.get("readonly"):
        return "the field can only be read"
    if kind in TEXT_LENGTHS:
        return _text_problem(value, TEXT_LENGTHS[kind])
    if kind == "NUMBER":
        is_whole = re.fullmatch(r"-?[0-9]+", value) and abs(int(value)) <= LARGEST
        return "" if is_whole else "not a whole number of 32 bits"
    if kind == "DECIMAL":
        return "" if re.fullmatch(r"-?[0-9]+([.][0-9]+)?", value) else "not a number"
    if kind in ("DATE", "DATETIME"):
        forms = DAYS if kind == "DATE" else MINUTES
        return "" if any(_reads(value, form) for form in forms) else f"no {kind.lower()}"
    if kind == "COMBOBOX":
        return "" if choices is None or value in choices else "none of the allowed values"
    if kind == "CHECKBOXLIST":
        chosen = {part.strip() for part in value.split(",")}
        return "" if choices is None or chosen <= set(choices) else "not all values are allowed"
    return ""


def _text_problem(value: str, longest: int) -> str:
    if len(value) > longest:
        return f"{len(value)} characters; at most {longest} are taken"
    if bad := sorted(set(value) & set(UNSUPPORTED)):
        return f"special characters are not supported: {' '.join(bad)}"
    return ""


def _reads(value: str, form: str) -> bool:
    try:
        moment = datetime.strptime(value, form)  # noqa: DTZ007 (a day of the calendar)
    except ValueError:
        return False
    return form not in ("%Y-%m-%d", *MINUTES) or moment.strftime(form) == value
