"""E-mail, phone, language and text in the one form that a destination can match.

Pure functions. Everything here answers ``""`` for what cannot be used: a placeholder never leaves
the shop.
"""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache

import phonenumbers
from django.core.exceptions import ValidationError
from django.core.validators import EmailValidator

from .keyed_hashes import keyed_hash
from .phone_forms import is_valid_e164

TEXT_LENGTH = 255  # of a text in a record: a usual column's width; no destination documents less
REDACTED_LENGTH = 500  # enough for a sentence of the vendor, too little for a page
READ_LENGTH = 10_000  # of a vendor's answer; bounds the work of the patterns below

is_email = EmailValidator()
# What nearly every address looks like: canonical, and good to Django's validator, which takes ten
# times as long to say so.
USUAL_EMAIL = re.compile(
    r"(?=.{3,254}\Z)[A-Za-z0-9_+-]+(?:\.[A-Za-z0-9_+-]+)*"
    r"@(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z]{2,63}"
)


def email(value: object) -> str:
    """``value`` stripped, its domain in lower case; ``""`` when it is no address.

    The part before the @ keeps its case: it belongs to the mailbox's owner.
    """
    if isinstance(value, str) and USUAL_EMAIL.fullmatch(value):
        return value
    stripped = value.strip() if isinstance(value, str) else ""
    if not (stripped.isascii() and stripped.isprintable() and " " not in stripped) and any(
        char.isspace() or unicodedata.category(char) in UNWANTED for char in stripped
    ):
        return ""  # Django's validator allows them between quotes
    local, _, domain = stripped.rpartition("@")
    canonical = f"{local}@{domain.lower()}"
    try:
        is_email(canonical)
    except ValidationError:
        return ""
    return canonical


def phone(value: object, *, region: str = "") -> str:
    """``value`` as E.164 (``+380501234567``); ``""`` unless it is a valid number.

    :param value: text, or a ``PhoneNumber`` of django-phonenumber-field, whose unparsable values
        are truthy and print as ``+NoneNone``.
    :param region: ISO 3166-1 alpha-2 code by which a national number is read.
    """
    if isinstance(value, str) and is_valid_e164(value):
        return value
    number = _parsed(value, region.upper())
    if number is None or number.country_code is None or not phonenumbers.is_valid_number(number):
        return ""
    return str(phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164))


def _parsed(value: object, region: str) -> phonenumbers.PhoneNumber | None:
    if isinstance(value, phonenumbers.PhoneNumber) and value.country_code is not None:
        return value
    written = getattr(value, "raw_input", value)  # an unparsable PhoneNumber keeps what was typed
    if not isinstance(written, str):
        return None
    stripped = written.strip()
    if stripped.startswith("00"):  # no national number begins so; the IDD prefix does
        stripped = f"+{stripped[2:]}"
    try:
        return phonenumbers.parse(stripped, region or None)
    except phonenumbers.NumberParseException:
        return None


def digits(phone: str) -> str:
    """An E.164 number as it goes over the wire: ``+380501234567`` → ``380501234567``."""
    return NO_DIGITS.sub("", phone)


NO_DIGITS = re.compile(r"[^0-9]+")
SUBTAG = re.compile(r"[a-z0-9]{1,8}")


def language(value: object) -> str:
    """A Django language code as an RFC 5646 tag: ``en-gb`` → ``en-GB``, ``zh-hans`` → ``zh-Hans``.

    Locale names (``pt_BR.UTF-8``) are understood too.
    """
    if not isinstance(value, str) or not value:
        return ""
    bare = re.split(r"[.@]", value.strip(), maxsplit=1)[0]
    primary, *others = bare.lower().replace("_", "-").split("-")
    if not re.fullmatch(r"[a-z]{2,3}", primary):
        return ""
    if not all(SUBTAG.fullmatch(subtag) for subtag in others):
        return ""
    return "-".join([primary, *map(_subtag, others)])


def _subtag(subtag: str) -> str:
    if len(subtag) == 4 and subtag.isalpha():  # a script
        return subtag.capitalize()
    if len(subtag) == 2 and subtag.isalpha():  # a region
        return subtag.upper()
    return subtag


UNWANTED = frozenset({"Cc", "Cs"})  # control characters and lone surrogates
INVISIBLE = UNWANTED | {"Cf", "Zs", "Zl", "Zp"}  # and what only says how to show others
# Letters, marks and a symbol that show nothing: fillers of Hangul, joiners, selectors of variants.
BLANK = frozenset(
    "\u034f\u115f\u1160\u17b4\u17b5\u180b\u180c\u180d\u180f\u2800\u3164\uffa0"
    + "".join(map(chr, (*range(0xFE00, 0xFE10), *range(0xE0100, 0xE01F0))))
)
ZERO_WIDTH_JOINER = "\u200d"


def text(value: object, *, limit: int = TEXT_LENGTH) -> str:
    """``value`` on one line, without control characters, at most ``limit`` characters.

    A character made of several (a letter with its accents, a family of emoji, a flag) is kept
    whole or left out.
    """
    return cut(one_line(value), limit)


@lru_cache(maxsize=4096)  # as of _one_line: an import asks for it twenty times per order
def fitted(raw: str) -> tuple[str, bool]:
    """``raw`` on one line within :data:`TEXT_LENGTH`, and whether it was longer."""
    whole = _one_line(raw)
    return cut(whole, TEXT_LENGTH), len(whole) > TEXT_LENGTH


def cut(clean: str, limit: int) -> str:
    """At most ``limit`` characters of what :func:`one_line` returned."""
    if len(clean) <= limit:
        return clean
    end = limit
    while end and _joins(clean, end):
        end -= 1
    left = clean[: end or limit].rstrip()
    return left if any(map(_is_visible, left)) else ""  # what there was to see came later


def one_line(value: object) -> str:
    """What :func:`text` returns when there is no limit."""
    return "" if value is None else _one_line(str(value))


@lru_cache(maxsize=4096)  # titles, towns, methods: a batch holds few of them, many times each
def _one_line(raw: str) -> str:
    joined = " ".join(unicodedata.normalize("NFC", raw).split())
    if not joined.isprintable():  # seldom; else nothing here would change it
        kept = "".join(char for char in raw if char.isspace() or not _is_unwanted(char))
        joined = " ".join(unicodedata.normalize("NFC", kept).split())
    return joined if any(map(_is_visible, joined)) else ""


def _is_visible(char: str) -> bool:
    """Is there something to see? A text without would overwrite a name with nothing."""
    return unicodedata.category(char) not in INVISIBLE and char not in BLANK


def _is_unwanted(char: str) -> bool:
    point = ord(char)
    if point & 0xFFFE == 0xFFFE or 0xFDD0 <= point <= 0xFDEF or char == "\ufeff":
        return True  # not characters at all; XML and some JSON readers refuse them
    return unicodedata.category(char) in UNWANTED


def _joins(value: str, index: int) -> bool:
    """Whether a cut before ``value[index]`` would fall inside one visible character."""
    char, before = value[index], value[index - 1]
    if ZERO_WIDTH_JOINER in (char, before) or unicodedata.category(char) in ("Mn", "Mc", "Me"):
        return True
    if "\U0001f3fb" <= char <= "\U0001f3ff" or "\U000e0020" <= char <= "\U000e007f":
        return True  # a skin tone; a letter of a flag's tag sequence
    return _is_half_flag(char) and _flag_letters_before(value, index) % 2 == 1


def _is_half_flag(char: str) -> bool:
    return "\U0001f1e6" <= char <= "\U0001f1ff"


def _flag_letters_before(value: str, index: int) -> int:
    start = index
    while start and _is_half_flag(value[start - 1]):
        start -= 1
    return index - start


AUTHORIZATION = re.compile(
    r"""(?ix) (\b authorization ["']? \s* [:=] \s* ["']?) (?:(?:basic|bearer)\s+)? [^\s"',;]+"""
)
CREDENTIALS = re.compile(
    r"(?i)\b(basic|bearer)\s+(?!auth|realm|token\b|credentials\b|access\b)[a-z0-9+/=._~-]{6,}"
)
EMAIL = re.compile(r"[^\s@<>\"(),;:\[\]]{1,64}(?:@|%40)[^\s@<>\"'(),;:=&?/\[\]]{1,255}")
PHONE = re.compile(
    r"""(?ix)
    (?P<kept>
        \b [0-9a-f]{8} (?:-[0-9a-f]{4}){3} - [0-9a-f]{12} \b        # a UUID
      | \b (?:19|20)\d\d-[01]\d-[0-3]\d (?:[T\ ]\d\d:\d\d[\d:.]*)? (?!\d)  # a date
    )
    | \+? \d (?: [\s().\-/\u00a0]{0,3} \d ){6,}
    """
)
ORDER_NUMBERS = re.compile(r"[0-9]{7,8}(?:\s+[0-9]{7,8})*")  # shorter ones are no phone anyway
# In JSON and in prose: {"firstName": "Олена"}, lastName=Шевченко
LABELLED = re.compile(
    r"""(?ix)
    ( \b (?: (?:first|last|middle|full)?[_-]?name | surname | (?:delivery)?address | street | town
          | city | postcode ) ["']? \s* [:=] \s* )
    ( "[^"]*" | '[^']*' | [^"',;}\]\s][^,;}\]\n]* )
    """
)
# What a sentence quotes; not the strings of JSON, which are words of the vendor's own.
QUOTED = re.compile(
    r"""(?x) (?<![\w:\[{,]) (?<! [:\[{,]\s )
    (?: "(?P<a>[^"\n]+)" | '(?P<b>[^'\n]+)' | “(?P<c>[^”\n]+)” | «(?P<d>[^»\n]+)»
      | `(?P<e>[^`\n]+)` )
    (?!\w)
    """
)
IDENTIFIER = re.compile(r"[a-z_][A-Za-z0-9_.\[\]-]*|[A-Z0-9_.:-]+|\[[a-z-]+\]")


def redact(text: str) -> str:
    """A vendor's message without the personal data and secrets it may quote.

    UUIDs, dates, and numbers of up to eight digits, as orders have, stay readable, and so do the
    names of fields.
    """
    safe = AUTHORIZATION.sub(r"\1[secret]", text[:READ_LENGTH])
    safe = CREDENTIALS.sub(r"\1 [secret]", safe)
    safe = EMAIL.sub("[e-mail]", safe)
    safe = PHONE.sub(_without_phone, safe)
    safe = LABELLED.sub(r"\1[text]", safe)
    safe = QUOTED.sub(_without_text, safe)
    return safe[:REDACTED_LENGTH]


def _without_phone(found: re.Match[str]) -> str:
    is_kept = found["kept"] or ORDER_NUMBERS.fullmatch(found[0])
    return found[0] if is_kept else "[phone]"


def _without_text(found: re.Match[str]) -> str:
    """A value that a message quotes is the shop's; the name of a field is not."""
    inner = next(filter(None, found.groups()))
    return found[0] if IDENTIFIER.fullmatch(inner) else f"{found[0][0]}[text]{found[0][-1]}"


def fingerprint(value: str, *, salt: str) -> str:
    """A keyed hash of a canonical locator, by which an erased person is recognised.

    Letter case does not count, as in the shop's own look-ups. ``""`` stays ``""``, so that
    "no e-mail" is never somebody.
    """
    stripped = value.strip()
    return keyed_hash(stripped.casefold(), key=salt) if stripped else ""


def order_mark(number: str) -> str:
    """What stands for an order where a deleted person is noted, next to e-mails and phones."""
    return f"order:{number}"


def cart_token(cart_key: str, *, salt: str) -> str:
    """The public name of a cart: the same each time, not to be guessed without the salt."""
    return _as_uuid(keyed_hash(f"cart:{cart_key}", key=salt))


def state_guid(cart_key: str, *, digest: str, before: str, salt: str) -> str:
    """The GUID of one state of a cart, not to be guessed without the salt: whoever asks gets the
    same, and a state that comes back is another one.

    :param before: the GUID of the state before it; ``""`` of the first.
    """
    return _as_uuid(keyed_hash(f"state:{cart_key}:{before}:{digest}", key=salt))


def _as_uuid(hashed: str) -> str:
    return "-".join((hashed[:8], hashed[8:12], hashed[12:16], hashed[16:20], hashed[20:32]))
