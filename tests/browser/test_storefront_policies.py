"""Pages as shops have them: a policy that allows scripts by their hash, an own page for what is not
there."""

from __future__ import annotations

import re

import pytest

from esputnik_connector.models import Storefront
from esputnik_connector.tracking.pages import script_hashes
from tests.browser.in_front import HashPolicy
from tests.browser.shop_window import Visit
from tests.browser.storefront import change, in_front, shop, visit

__all__ = ["in_front", "shop", "visit"]

OWN_404 = "tests.browser.own_404_urls"
JQUERY = "https://ajax.googleapis.com/ajax/libs/jquery/3.7.1/jquery.min.js"
BOOTSTRAP = "Bootstrap's JavaScript requires jQuery."
OF_OSCAR = {
    f"{BOOTSTRAP} jQuery must be included before Bootstrap's JavaScript.",
    "jQuery is not defined",
}


class Refused:
    """What a policy kept a visitor's browser from running, as the browser says it."""

    def __init__(self, olena: Visit) -> None:
        self.hashes: set[str] = set()  # of scripts in the page
        self.addresses: set[str] = set()  # of scripts elsewhere
        olena.page.on("console", lambda said: self._read(said.text))

    def _read(self, text: str) -> None:
        if text.startswith("Executing inline script"):
            self.hashes.update(re.findall(r"a hash \(('sha256-[^']+')\)", text))
        self.addresses.update(re.findall(r"^Loading the script '([^']+)' violates", text))


def hashes(olena: Visit) -> set[str]:
    """Those that we name for a policy of this shop; at least one."""
    found = set(script_hashes(olena.shop_url.removeprefix("http://")))
    assert found
    return found


class TestBehindAPolicyOfHashes:
    @pytest.fixture
    def in_front(self) -> list[str]:
        return ["tests.browser.in_front.HashPolicy"]

    @pytest.fixture
    def behind(self, visit):
        """A visitor, and what their browser refused to run."""
        olena = visit()
        refused = Refused(olena)
        yield olena, refused
        assert set(olena.mistakes) == OF_OSCAR  # whose jQuery this policy keeps out
        olena.mistakes.clear()

    @pytest.mark.parametrize("is_direct", [False, True])
    @pytest.mark.parametrize("line_end", ["\n", "\r\n"])
    def test_the_snippet_runs_by_its_hash(self, behind, is_direct, line_end):
        olena, refused = behind
        snippet = Storefront.objects.get().script
        change(
            script=snippet.replace("<script>", f"<script>{line_end}"),
            loads_before_consent=is_direct,
        )
        olena.open()
        olena.add("mug-01")
        assert olena.names() == ["MainPage", "ProductPage", "ProductPage", "StatusCart"]
        assert not refused.hashes & hashes(olena)
        assert refused.addresses == {JQUERY}

    @pytest.mark.parametrize("is_direct", [False, True])
    def test_the_policy_without_that_hash_keeps_the_snippet_out(
        self, behind, is_direct, monkeypatch
    ):
        """So it is the hash that lets it run, and the browser names the same one as we do."""
        monkeypatch.setattr(HashPolicy, "is_complete", False)
        change(loads_before_consent=is_direct)
        olena, refused = behind
        olena.open()
        assert olena.names() == []
        assert hashes(olena) <= refused.hashes


class TestAPageOfTheShopForWhatIsNotThere:
    @pytest.fixture(autouse=True)
    def _own(self, settings):
        settings.ROOT_URLCONF = OWN_404

    def test_it_is_told_without_a_tag_of_its_own(self, visit):
        olena = visit()
        olena.open()
        olena.open("no-such-page/")
        assert olena.page.locator("h1").inner_text() == "Nothing here"
        assert olena.names() == ["MainPage", "NotFound"]

    def test_a_product_that_is_gone_is_told_as_such(self, visit):
        olena = visit()
        olena.open("catalogue/gone_999999/")
        assert olena.names() == ["NotFound"]
