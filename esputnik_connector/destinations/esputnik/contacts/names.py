"""First and last names in the form that eSputnik takes (esputnik-api.md#contact-names). Pure.

A name of another form is not stored, or costs the whole person; so it is cleaned, else left out.
"""

from __future__ import annotations

import re
import unicodedata

LONGEST = 40  # characters
MOST_DIGITS = 3
SHORT_WORD = 3  # letters; such a word may end in a dot
MOST_WORDS = 3  # of the short ones, and as many longer ones

APOSTROPHES = "'’"  # U+02BC is a letter already
HYPHEN = "-"
LIKE = str.maketrans({"`": "'", "´": "'", "‘": "’", "‐": HYPHEN, "‑": HYPHEN, "–": HYPHEN})
ADDRESS = re.compile(r"@|://|www\.", re.IGNORECASE)
INNER_DOT = re.compile(r"\.(?=\S)")
SIGNS_IN_A_ROW = re.compile(rf"([{APOSTROPHES}{HYPHEN}])[{APOSTROPHES}{HYPHEN}]+")


def person_name(value: str) -> str:
    """``value`` as a name, ``""`` when nothing of it is one.

    "(VIP) 2024" → "VIP"; "J.R. Tolkien" → "J. R. Tolkien"; an e-mail is no name.
    """
    if value.isalpha() and len(value) <= LONGEST:
        return value  # most are one word of letters: an import has two of them per record
    if ADDRESS.search(value):
        return ""
    plain = "".join(_taken(char) for char in INNER_DOT.sub(". ", value.translate(LIKE)))
    if sum(char.isdecimal() for char in plain) > MOST_DIGITS:
        plain = "".join(char for char in plain if not char.isdecimal())
    words = _few([word for word in map(_word, plain.split()) if word])
    while words and len(" ".join(words)) > LONGEST:
        words.pop()
    name = " ".join(words)
    return name if any(_is_letter(char) for char in name) else ""


def _taken(char: str) -> str:
    """A character that a name may have, a space for one that parts it, nothing for an invisible
    one."""
    if _is_letter(char) or char.isdecimal() or char in APOSTROPHES or char in (HYPHEN, ".", " "):
        return char
    return "" if unicodedata.category(char) in ("Cf", "Mn") else " "


def _is_letter(char: str) -> bool:
    return unicodedata.category(char).startswith(("L", "M"))


def _word(word: str) -> str:
    """Signs stand between letters alone; a dot behind up to three of them."""
    core = SIGNS_IN_A_ROW.sub(r"\1", word.rstrip(".")).strip(APOSTROPHES + HYPHEN)
    if all(unicodedata.category(char).startswith("M") for char in core):
        return ""  # what is left of an emoji
    has_dot = word.endswith(".") and 0 < len(core) <= SHORT_WORD
    return f"{core}." if has_dot else core


def _few(words: list[str]) -> list[str]:
    """The first short words and the first longer ones, in their order."""
    kept, short, long = [], 0, 0
    for word in words:
        is_short = len(word.rstrip(".")) <= SHORT_WORD
        short, long = short + is_short, long + (not is_short)
        if (short if is_short else long) <= MOST_WORDS:
            kept.append(word)
    return kept
