"""Nothing is told that a visitor did not allow, and robots are no visitors."""

from __future__ import annotations

import pytest
from django.test import RequestFactory
from django.urls import reverse
from oscar.test import factories

from esputnik_connector.behaviour import BehaviourType
from esputnik_connector.exceptions import ConfigurationError
from esputnik_connector.records import Reason
from esputnik_connector.tracking import consent
from tests.oscar_rows import OSCAR_WARNINGS
from tests.tracked import AGENT, storefront

pytestmark = [pytest.mark.django_db, *OSCAR_WARNINGS]

PAGE = BehaviourType.PRODUCT_PAGE


def statistics_only(request):
    return [BehaviourType.PAGE_VIEW, "CategoryPage"] if request.COOKIES.get("ok") else []


def nonsense(_request):
    return ["Everything"]


def everything(_request):
    return None


def asking(path="statistics_only"):
    return {"CONSENT": f"{__name__}.{path}"}


def request_with(**headers):
    return RequestFactory(headers={"user-agent": AGENT, **headers}).get("/")


def test_without_a_hook_everything_is_allowed():
    assert consent.allowed(request_with()) == consent.EVERYTHING


@pytest.mark.parametrize("header", ["sec-gpc", "dnt"])
def test_a_browser_that_says_no_is_left_alone(header):
    request = request_with(**{header: "1"})
    assert consent.allowed(request) == consent.NOTHING
    assert consent.refusal(request, PAGE) is Reason.NO_CONSENT


def test_unless_the_shop_decides_otherwise(settings):
    settings.ESPUTNIK_CONNECTOR = {
        **settings.ESPUTNIK_CONNECTOR, "HONOUR_PRIVACY_SIGNALS": False,
    }  # fmt: skip
    assert consent.refusal(request_with(dnt="1"), PAGE) is None


def test_the_hook_names_the_types(settings):
    settings.ESPUTNIK_CONNECTOR = {**settings.ESPUTNIK_CONNECTOR, **asking()}
    request = request_with()
    assert consent.allowed(request) == frozenset()
    request.COOKIES["ok"] = "1"
    assert consent.allowed(request) == {BehaviourType.PAGE_VIEW, BehaviourType.CATEGORY_PAGE}
    assert consent.refusal(request, PAGE) is Reason.NO_CONSENT


def test_a_hook_may_allow_everything(settings):
    settings.ESPUTNIK_CONNECTOR = {**settings.ESPUTNIK_CONNECTOR, **asking("everything")}
    assert consent.allowed(request_with()) == consent.EVERYTHING


@pytest.mark.parametrize("path", ["nonsense", "is_not_there"])
def test_a_hook_that_cannot_be_used_allows_nothing(path, settings):
    settings.ESPUTNIK_CONNECTOR = {**settings.ESPUTNIK_CONNECTOR, **asking(path)}
    with pytest.raises(ConfigurationError, match="CONSENT"):
        consent.allowed(request_with())


@pytest.mark.parametrize(
    "agent",
    [
        "", "Googlebot/2.1 (+http://www.google.com/bot.html)", "curl/8.5.0", "WhatsApp/2.23",
        "Mozilla/5.0 (compatible; bingbot/2.0)", "python-requests/2.32", "UptimeRobot/2.0",
    ],
)  # fmt: skip
def test_a_robot_is_no_visitor(agent):
    request = request_with(**{"user-agent": agent})
    assert consent.refusal(request, PAGE) is Reason.ROBOT


@pytest.mark.parametrize(
    "agent",
    [
        "Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15 Safari/604.1",
        "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 HeadlessChrome/126.0 Safari/537.36",
        "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:127.0) Gecko/20100101 Firefox/127.0",
    ],
)
def test_a_person_is_one(agent):
    assert consent.refusal(request_with(**{"user-agent": agent}), PAGE) is None


def test_whoever_says_no_gets_no_cookie_of_ours(settings, client):
    """Where eSputnik's script is not loaded, the tracker needs one; not of those."""
    storefront(script="", routes={"ProductPage": "tracker"})
    path = factories.create_product().get_absolute_url()
    headers = {"user-agent": AGENT}
    assert "esputnik_visitor" not in client.get(path, headers={**headers, "sec-gpc": "1"}).cookies
    assert "esputnik_visitor" not in client.get(path, headers={"user-agent": "Googlebot"}).cookies
    assert "esputnik_visitor" in client.get(path, headers=headers).cookies


def test_nor_does_whoever_says_no_and_buys(settings, client):
    storefront(script="", routes={"CustomerData": "tracker", "StatusCart": "tracker"})
    product = factories.create_product(price=10, num_in_stock=5)
    client.force_login(factories.UserFactory())
    add = reverse("basket:add", kwargs={"pk": product.pk})
    for headers, gets_one in (({"dnt": "1"}, False), ({}, True)):
        answer = client.post(add, {"quantity": 1}, headers={"user-agent": AGENT, **headers})
        assert answer.status_code == 302
        assert ("esputnik_visitor" in answer.cookies) is gets_one
