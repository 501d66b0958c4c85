"""The page about consent banners in a real browser: its scripts and its functions, word for word.

The banners themselves are played: what they set and what they call, their own guides say.
"""

from __future__ import annotations

import json
import sys
from types import ModuleType
from typing import Any

import pytest

from tests.browser.in_front import ScriptOfTheShop
from tests.browser.shop_window import Visit
from tests.browser.storefront import shop, visit
from tests.unit.test_docs import DOCS, FENCED

__all__ = ["shop", "visit"]

PAGES = {"en": DOCS / "howto" / "consent-banners.md", "uk": DOCS / "uk" / "consent-banners.md"}

# Cookiebot writes its cookie, then it tells the window.
COOKIEBOT = """([isYes, name]) => {
  const said = `{stamp:'x',necessary:true,statistics:${isYes},marketing:${isYes},ver:1}`;
  document.cookie = 'CookieConsent=' + encodeURIComponent(said) + '; path=/';
  window.dispatchEvent(new Event(name));
}"""
# Klaro writes its cookie, then it calls back each service whose answer is another one than before.
KLARO = """isYes => {
  document.cookie = 'klaro=' + encodeURIComponent(JSON.stringify({esputnik: isYes})) + '; path=/';
  window.klaroStates = window.klaroStates || {};
  klaroConfig.services.filter(one => klaroStates[one.name] !== isYes).forEach(one => {
    klaroStates[one.name] = isYes;
    one.callback(isYes, one);
  });
}"""


def block(language: str, *, holding: str, page: str) -> str:
    """The one block of a language that holds these words."""
    found = [each for each in FENCED.finditer(PAGES[page].read_text()) if holding in each[3]]
    (code,) = (each[3] for each in found if language in each[2])
    return code


@pytest.fixture(params=list(PAGES))
def page(request: Any) -> str:
    return str(request.param)


@pytest.fixture
def in_front() -> list[str]:
    return ["tests.browser.in_front.ScriptOfTheShop"]


@pytest.fixture
def reads(settings: Any, monkeypatch: Any) -> Any:
    """The shop did what a page says: its module, its setting and its script."""

    def follow(page: str, name: str, script: str) -> None:
        module, written = ModuleType("shop.consent"), {}
        exec(block("python", holding=f"def {name}(", page=page), module.__dict__)
        exec(block("python", holding="shop.consent", page=page), written)
        monkeypatch.setitem(sys.modules, "shop", ModuleType("shop"))
        monkeypatch.setitem(sys.modules, "shop.consent", module)
        monkeypatch.setattr(ScriptOfTheShop, "text", block("javascript", holding=script, page=page))
        path = written["ESPUTNIK_CONNECTOR"]["CONSENT"].replace("cookiebot", name)
        settings.ESPUTNIK_CONNECTOR = {**settings.ESPUTNIK_CONNECTOR, "CONSENT": path}

    return follow


SAYS = {
    "cookiebot": (COOKIEBOT, [True, "CookiebotOnAccept"], [False, "CookiebotOnDecline"]),
    "klaro": (KLARO, True, False),
}
SCRIPTS = {"cookiebot": "CookiebotOnAccept", "klaro": "klaroConfig"}


def answers(olena: Visit, banner: str, *, is_yes: bool) -> None:
    """The visitor answers the banner, and the page has asked the shop again what is allowed."""
    script, yes, no = SAYS[banner]
    with olena.page.expect_response(
        lambda one: one.request.method == "POST" and one.url.startswith(olena.shop_url)
    ):
        olena.page.evaluate(script, yes if is_yes else no)


def is_silent(olena: Visit) -> bool:
    """No script of eSputnik, no cookie, no call, not even after a while."""
    told = olena.names()
    is_loaded = olena.page.evaluate("typeof window.eS") != "undefined"
    return not is_loaded and (olena.sc, told, olena.fake.visits) == ("", [], [])


def is_told(olena: Visit, *names: str) -> bool:
    olena.page.wait_for_function("window.esCalls && window.esCalls.length > 1")
    return olena.names() == list(names)


@pytest.mark.parametrize("banner", SAYS)
def test_nothing_is_told_before_a_yes_and_everything_from_it_on(reads, page, banner, visit):
    reads(page, banner, SCRIPTS[banner])
    olena = visit()
    olena.open()
    assert is_silent(olena)
    answers(olena, banner, is_yes=False)
    assert is_silent(olena)
    answers(olena, banner, is_yes=True)
    assert is_told(olena, "MainPage")
    olena.open()
    assert is_told(olena, "MainPage", "MainPage")


@pytest.mark.parametrize("banner", SAYS)
def test_who_takes_the_word_back_is_told_of_no_more(reads, banner, visit):
    reads("en", banner, SCRIPTS[banner])
    olena = visit()
    olena.open()
    answers(olena, banner, is_yes=True)
    assert is_told(olena, "MainPage")
    answers(olena, banner, is_yes=False)
    told = list(olena.fake.visits)
    olena.open("search/?q=nosuchthing")
    assert olena.names() == ["MainPage"]
    assert olena.page.evaluate("typeof window.eS") == "undefined"
    assert olena.fake.visits == told  # no view of a page either


def test_the_two_languages_of_the_page_have_the_same_code():
    codes = [
        [(each[2], each[3]) for each in FENCED.finditer(path.read_text())]
        for path in PAGES.values()
    ]
    assert json.dumps(codes[0]) == json.dumps(codes[1])
