"""The page about consent banners, step by step: its own code, with the cookies that banners set."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import quote

import pytest
from django.test import RequestFactory

from esputnik_connector.behaviour import BehaviourType
from tests.unit.test_docs import DOCS, FENCED

PAGE = (DOCS / "howto" / "consent-banners.md").read_text()


def hook(name: str) -> Any:
    """The function of the page."""
    (code,) = (block[3] for block in FENCED.finditer(PAGE) if f"def {name}(" in block[3])
    made: dict[str, Any] = {}
    exec(code, made)
    return made[name]


def asked(name: str, **cookies: str) -> Any:
    request = RequestFactory().get("/")
    request.COOKIES.update(cookies)
    return hook(name)(request)


def cookiebot(**accepted: bool) -> str:
    """As Cookiebot writes it: no JSON."""
    purposes = ",".join(f"{name}:{str(is_so).lower()}" for name, is_so in accepted.items())
    return quote(f"{{stamp:'x',necessary:true,{purposes},method:'explicit',ver:1,region:'ua'}}")


EVERYTHING = list(BehaviourType)


@pytest.mark.parametrize(
    ("cookie", "allowed"),
    [
        (cookiebot(statistics=True, marketing=True), EVERYTHING),
        (cookiebot(statistics=True, marketing=False), []),
        ("-1", []),
        ("", []),
    ],
)
def test_cookiebot(cookie, allowed):
    assert asked("cookiebot", CookieConsent=cookie) == allowed


@pytest.mark.parametrize(
    ("cookie", "allowed"),
    [
        (quote(json.dumps({"esputnik": True, "other": False})), EVERYTHING),
        (quote(json.dumps({"esputnik": False})), []),
        (quote(json.dumps({"esputnik": "true"})), []),
        ("[]", []),
        ("{", []),
        ("", []),
    ],
)
def test_klaro(cookie, allowed):
    assert asked("klaro", klaro=cookie) == allowed


def test_in_two_steps():
    assert asked("in_two_steps", marketing="yes") is None
    assert BehaviourType.CUSTOMER_DATA not in asked("in_two_steps")
