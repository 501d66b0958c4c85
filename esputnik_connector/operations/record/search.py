"""Find a record by what a person has at hand: a number, an e-mail, a phone, a name, a key."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from django.conf import settings
from django.utils.translation import gettext as _

from esputnik_connector import identity, registry
from esputnik_connector.models.labels import KINDS
from esputnik_connector.operations.record_history.history import found_in_memory
from esputnik_connector.records import Contact, Kind, Order, Record
from esputnik_connector.shops import reading
from esputnik_connector.shops.base import Match, ShopAdapter, SupportsCarts, SupportsSearch, Wanted

from .names import person_name

LONGEST = 200  # characters: an e-mail has up to 254, and nobody types one of more than 200
SHORTEST_NAME = 2  # letters: one would find a tenth of all customers
MOST_PARTS = 3  # of a name
NUMBER_SIGN = re.compile(r"^(?:(?:order|замовлення|no\.?)\s+)?(?:[#№]|n°)?\s*", re.IGNORECASE)
PHONE = re.compile(r"[+()\-\s.\d]{7,25}")
DIGITS = re.compile(r"\d")
SEARCHED = (Kind.ORDER, Kind.CONTACT, Kind.CART, Kind.EVENT)


@dataclass(frozen=True, kw_only=True)
class Found:
    """What a search found, and in words where it looked."""

    text: str
    matches: tuple[Match, ...] = ()
    searched: tuple[str, ...] = ()
    problem: str = ""  # why nothing was searched

    @property
    def only(self) -> Match | None:
        """The match, if there is exactly one."""
        return self.matches[0] if len(self.matches) == 1 else None


def search(text: str) -> Found:
    """Look for ``text`` in all ways that fit it; some thirty queries, whatever is found."""
    clean = identity.one_line(text[: LONGEST + 1]) if text else ""
    if not clean:
        return Found(text="", problem=_("Write a number, an e-mail, a phone or a name."))
    if len(text) > LONGEST:
        problem = _(
            "That is longer than %(most)s characters: paste the number or the e-mail alone."
        )
        return Found(text=clean[:LONGEST], problem=problem % {"most": LONGEST})
    shop = registry.shop()
    wanted = wanted_by(clean)
    found = {(each.kind, each.key): each for each in _by_key(shop, clean)}
    if isinstance(shop, SupportsSearch) and (wanted.email or wanted.phone or wanted.name):
        for match in shop.search(wanted):
            found.setdefault((match.kind, match.key), match)
    searched = tuple(_searched(shop, wanted))
    return Found(text=clean, matches=tuple(found.values()), searched=searched)


def wanted_by(clean: str) -> Wanted:
    """An e-mail, or a phone, or a name."""
    if email := identity.email(clean):
        return Wanted(email=email)
    if PHONE.fullmatch(clean) and (phone := _phone(clean)):
        return Wanted(phone=phone)
    parts = [part for part in re.split(r"[\s,]+", clean) if part]
    is_name = len(parts) <= MOST_PARTS and all(map(_may_be_name, parts))
    is_name = is_name and any(len(part) >= SHORTEST_NAME for part in parts)
    return Wanted(name=tuple(parts) if is_name else ())


def _phone(text: str) -> str:
    region = str(getattr(settings, "PHONENUMBER_DEFAULT_REGION", None) or "")
    is_international = text.lstrip().startswith(("+", "00"))
    found = identity.phone(text, region=region)
    return found or ("" if is_international else identity.phone(f"+{text.lstrip()}"))


def _may_be_name(part: str) -> bool:
    return any(map(str.isalpha, part)) and not DIGITS.search(part) and "@" not in part


def _by_key(shop: ShopAdapter, clean: str) -> Iterator[Match]:
    """Records whose key or number this is: in the shop now, or in the connector's memory."""
    key = NUMBER_SIGN.sub("", clean)
    is_number = key != clean  # somebody wrote “№”: then it is an order
    if not key or " " in key or len(key) > identity.TEXT_LENGTH:
        return
    kinds = [Kind.ORDER] if is_number else list(SEARCHED)
    known = found_in_memory(key, dict.fromkeys(kinds))
    for kind in kinds:
        record = _record(shop, kind, key)
        if record is not None:
            yield match_of(kind, record)
        elif kind in known:
            yield Match(kind=kind, key=key)


def _record(shop: ShopAdapter, kind: Kind, key: str) -> Record | None:
    """The record as the shop has it now. An event is not asked for: it lives by its key alone."""
    if kind is Kind.EVENT or (kind is Kind.CART and not isinstance(shop, SupportsCarts)):
        return None
    found, _broken = reading.records(shop, kind, [key], attributes=())
    return found.get(key)


def match_of(kind: Kind, record: Record) -> Match:
    """A record by what a person calls it."""
    if isinstance(record, Contact):
        name = person_name(record)
        return Match(
            kind=kind, key=record.key, name=name, email=record.email, moment=record.joined_at
        )
    if isinstance(record, Order):
        return Match(kind=kind, key=record.key, name=person_name(record), moment=record.placed_at)
    return Match(kind=kind, key=record.key, email=getattr(record, "email", ""))


def _searched(shop: ShopAdapter, wanted: Wanted) -> Iterator[str]:
    """Where it was looked, for whoever found nothing."""
    kinds = ", ".join(str(KINDS[kind]) for kind in SEARCHED)
    yield _("as a number or key (%(kinds)s), whole") % {"kinds": kinds}
    if wanted.email:
        yield _("as an e-mail of customers and of guests' orders")
    elif wanted.phone:
        yield _("as the phone %(phone)s, of customers and of guests' orders") % {
            "phone": wanted.phone
        }
    elif wanted.name:
        yield _("as a name: customers and guests whose first or last name begins so")
    if not isinstance(shop, SupportsSearch):
        yield str(SupportsSearch.missing)
