"""The shop's subscription form, as a visitor, a robot, and a page of another site meet it."""

from __future__ import annotations

import json
from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.core.cache import cache
from django.core.cache.backends.base import BaseCache
from django.template import Context, RequestContext, Template, TemplateSyntaxError
from django.test import Client, RequestFactory

from esputnik_connector import api
from esputnik_connector.exceptions import BadRequestError
from esputnik_connector.models import Connection, OutboxMessage, Storefront
from esputnik_connector.pipeline.capture import capture
from esputnik_connector.pipeline.subscriptions import subscriptions
from esputnik_connector.records import Subscription
from esputnik_connector.tracking.forms import SubscriptionForm

pytestmark = pytest.mark.django_db

MAIL = "ada@example.com"
ADDRESS = "/esputnik/subscribe"
CLIENT = "8.8.8.8"
SAME = {"HTTP_SEC_FETCH_SITE": "same-origin", "REMOTE_ADDR": CLIENT}
JSON = {**SAME, "HTTP_ACCEPT": "application/json"}
ESPUTNIK = "esputnik_connector.destinations.esputnik.destination.EsputnikDestination"


@pytest.fixture(autouse=True)
def main(plain_shop, settings) -> Connection:
    settings.ESPUTNIK_CONNECTOR = {
        **settings.ESPUTNIK_CONNECTOR,
        "DESTINATIONS": {"esputnik": {"BACKEND": ESPUTNIK, "OPTIONS": {}}},
    }
    settings.ALLOWED_HOSTS = ["testserver", "shop.example", "other.example"]
    cache.clear()
    Storefront.objects.forget()
    capture.forget_connections()
    return Connection.objects.create(name="main", api_key="KEY")


def signed(form_type: str = "footer", **names: Any) -> str:
    return SubscriptionForm(form_type=form_type, **names).signed()


def send(email: str = MAIL, headers: dict[str, str] = SAME, **values: str) -> Any:
    fields = {"email": email, "form": signed(), "next": "/catalogue/", **values}
    return Client(enforce_csrf_checks=True).post(ADDRESS, fields, **headers)  # type: ignore[arg-type]


def written(connection: Connection | None = None) -> list[Subscription]:
    one = connection or Connection.objects.get()
    keys = OutboxMessage.objects.filter(connection=one).order_by("pk").values_list("key", flat=True)
    found = subscriptions(one, list(keys))
    return [found[key] for key in keys]


def shown(text: str, *, host: str = "shop.example", **context: Any) -> str:
    request = RequestFactory().get("/catalogue/", HTTP_HOST=host)
    return Template("{% load esputnik %}" + text).render(
        RequestContext(request, {"request": request, **context})
    )


# -- a visitor -------------------------------------------------------------------------------------


def test_what_a_visitor_wrote_is_noted_and_they_are_thanked(main):
    answer = send()
    assert (answer.status_code, answer.url) == (302, "/esputnik/subscribed?next=%2Fcatalogue%2F")
    page = Client().get(answer.url).content.decode()
    assert "Thank you" in page
    assert 'href="/catalogue/"' in page
    assert MAIL not in page
    (subscription,) = written()
    assert subscription.email == MAIL
    assert subscription.form_type == "footer"
    assert subscription.key.startswith("footer:")
    assert not subscription.is_confirmed
    assert subscription.asked_at is not None


def test_a_script_gets_the_thanks_as_json():
    answer = send(headers=JSON)
    assert answer.status_code == 200
    assert set(answer.json()) == {"message"}


def test_segments_and_categories_are_those_that_the_shop_signed():
    send(form=signed(groups=("News",), categories=("sales",)), groups="VIP", formType="x")
    (subscription,) = written()
    assert (subscription.groups, subscription.categories) == (("News",), ("sales",))


@pytest.mark.parametrize("form", ["", "nonsense", signed()[:-3] + "abc", json.dumps(["a", [], []])])
def test_a_form_that_this_site_did_not_sign_is_refused(form):
    answer = send(form=form)
    assert answer.status_code == 400
    assert not written()
    assert "Load its page again" in answer.content.decode()


@pytest.mark.parametrize(
    "email",
    ["", "ada", "ada@", "a b@example.com", "ada@example.com\nBcc: x@y.com", "<script>@x.com",
     "a" * 250 + "@example.com", "ada\x00@example.com", "@" * 5000],
)  # fmt: skip
def test_what_is_no_address_is_said_beside_the_field(email):
    answer = send(email)
    page = answer.content.decode()
    assert answer.status_code == 400
    assert "Enter a valid e-mail address." in page
    assert 'aria-invalid="true"' in page
    assert "<script>@" not in page
    assert not written()


def test_every_address_is_answered_alike(main):
    """Known or not, erased or not, written before or not."""
    capture.contact_deleted("7", locators=["eve@example.com"])
    answers = [send(email, headers=JSON) for email in (MAIL, "eve@example.com", MAIL, MAIL, MAIL)]
    assert len({answer.content for answer in answers}) == 1
    assert {answer.status_code for answer in answers} == {200}


def test_what_cannot_be_written_down_is_not_thanked_for(settings):
    settings.ESPUTNIK_CONNECTOR = {**settings.ESPUTNIK_CONNECTOR, "ENCRYPTION_KEYS": []}
    answer = send(headers=JSON)
    assert answer.status_code == 503
    assert set(answer.json()) == {"error"}


def test_the_form_has_a_page_of_its_own():
    page = Client().get(ADDRESS)
    assert page.status_code == 200
    assert 'name="email"' in page.content.decode()
    assert Client().put(ADDRESS).status_code == 405


@pytest.mark.parametrize("way", ["//evil.example", "https://evil.example/", "javascript:alert(1)"])
def test_nobody_is_led_to_another_site(way):
    assert send(next=way).url == "/esputnik/subscribed"
    assert "evil" not in Client().get("/esputnik/subscribed", {"next": way}).content.decode()


# -- who is logged in ------------------------------------------------------------------------------


@pytest.mark.parametrize(("email", "is_own"), [("ADA@example.com", True), ("b@example.com", False)])
def test_a_customers_id_goes_along_with_their_own_address_alone(email, is_own):
    user = get_user_model().objects.create_user("ada", email=MAIL)
    client = Client()
    client.force_login(user)
    OutboxMessage.objects.all().delete()
    client.post(ADDRESS, {"email": email, "form": signed(), "user": "1"}, **SAME)  # type: ignore[arg-type]
    (subscription,) = written()
    assert subscription.contact_key == (str(user.pk) if is_own else "")


# -- robots and other sites ------------------------------------------------------------------------


def test_a_robot_is_thanked_and_not_noted():
    answer = send(website="https://spam.example")
    assert answer.status_code == 302
    assert not written()


@pytest.mark.parametrize(
    "headers",
    [
        {"HTTP_SEC_FETCH_SITE": "cross-site"},
        {"HTTP_SEC_FETCH_SITE": "same-site", "HTTP_ORIGIN": "http://testserver"},
        {"HTTP_ORIGIN": "https://evil.example"},
        {"HTTP_ORIGIN": "null"},
        {"HTTP_ORIGIN": "http://testserver.evil.example"},
        {"HTTP_REFERER": "https://evil.example/?http://testserver/"},
        {"HTTP_REFERER": "http://[broken"},
        {},
    ],
)
def test_another_sites_page_cannot_send_it(headers):
    assert send(headers={**headers, "REMOTE_ADDR": CLIENT}).status_code == 403
    assert not written()


@pytest.mark.parametrize(
    "headers",
    [
        {"HTTP_ORIGIN": "http://testserver"},
        {"HTTP_REFERER": "http://testserver/catalogue/"},
        {"HTTP_ORIGIN": "null", "HTTP_REFERER": "http://testserver/"},
        {"HTTP_ORIGIN": "https://www.shop.example"},
    ],
)
def test_the_shops_own_page_can_without_any_token(headers, settings):
    settings.CSRF_TRUSTED_ORIGINS = ["https://www.shop.example"]
    assert send(headers={**headers, "REMOTE_ADDR": CLIENT}).status_code == 302


def test_one_address_is_taken_some_times_an_hour(settings):
    for email in ("ada@example.com", "ADA@example.com", "Ada@Example.com", "aDa@example.com"):
        assert send(email, headers=JSON).status_code == 200
    assert len(written()) == 3
    send("eve@example.com")
    assert len(written()) == 4


def test_one_client_is_stopped_and_another_is_not(settings):
    settings.ESPUTNIK_CONNECTOR = {**settings.ESPUTNIK_CONNECTOR, "SUBSCRIBE_PER_CLIENT": 2}
    codes = [send(f"ada{number}@example.com").status_code for number in range(3)]
    assert codes == [302, 302, 429]
    assert send("eve@example.com", {**SAME, "REMOTE_ADDR": "8.8.4.4"}).status_code == 302


def test_the_networks_of_ipv6_are_one_client_each(settings):
    settings.ESPUTNIK_CONNECTOR = {**settings.ESPUTNIK_CONNECTOR, "SUBSCRIBE_PER_CLIENT": 1}
    codes = [
        send(f"ada{number}@example.com", {**SAME, "REMOTE_ADDR": address}).status_code
        for number, address in enumerate(("2a02:2378::1", "2a02:2378::ffff", "2a02:2378:0:1::1"), 1)
    ]
    assert codes == [302, 429, 302]


def test_behind_a_proxy_the_client_is_whom_the_proxy_saw(settings):
    settings.ESPUTNIK_CONNECTOR = {
        **settings.ESPUTNIK_CONNECTOR,
        "SUBSCRIBE_PER_CLIENT": 1,
        "TRUSTED_PROXIES": 1,
    }
    ways = ["8.8.8.8", "1.1.1.1, 8.8.8.8", "8.8.8.8, 1.1.1.1"]  # the last one is the proxy's word
    codes = [
        send(
            f"ada{number}@example.com",
            {**SAME, "REMOTE_ADDR": "10.0.0.1", "HTTP_X_FORWARDED_FOR": way},
        ).status_code
        for number, way in enumerate(ways)
    ]
    assert codes == [302, 429, 302]


def test_visitors_behind_an_unnamed_proxy_do_not_stop_each_other(settings):
    settings.ESPUTNIK_CONNECTOR = {**settings.ESPUTNIK_CONNECTOR, "SUBSCRIBE_PER_CLIENT": 1}
    codes = [
        send(f"ada{number}@example.com", {**SAME, "REMOTE_ADDR": "10.0.0.1"}).status_code
        for number in range(31)
    ]
    assert set(codes[:30]) == {302}
    assert codes[30] == 429


def test_a_cache_that_is_away_costs_nobody_their_subscription(settings):
    settings.CACHES = {"default": {"BACKEND": "tests.integration.test_subscription_form.Away"}}
    assert send().status_code == 302
    assert len(written()) == 1


class Away(BaseCache):
    """A cache whose server is gone."""

    def __init__(self, _location: str, params: dict[str, Any]) -> None:
        super().__init__(params)

    def add(self, *_: object, **_more: object) -> bool:
        raise ConnectionError

    def clear(self) -> None:
        """Nothing is in it."""


# -- in templates ----------------------------------------------------------------------------------


def test_the_form_of_a_page_is_the_same_for_everybody_and_can_be_sent(main):
    text = '{% esputnik_subscribe_form form_type="footer" groups="News, Sales" nothing %}'
    with pytest.raises(TemplateSyntaxError):
        shown(text)
    text = '{% esputnik_subscribe_form form_type="footer" groups="News, Sales" %}'
    page = shown(text)
    assert page == shown(text)
    assert "csrf" not in page.lower()
    form = page.split('name="form" value="')[1].split('"')[0]
    assert send(form=form).status_code == 302
    assert written()[0].groups == ("News", "Sales")


@pytest.mark.parametrize("form_type", ["a b", "<b>", "x" * 41, "a|b"])
def test_a_form_type_that_esputnik_does_not_take_is_told_to_the_developer(form_type):
    with pytest.raises(TemplateSyntaxError, match="form type"):
        shown("{% esputnik_subscribe_form form_type=given %}", given=form_type)


@pytest.mark.parametrize(
    ("forms", "is_shown"), [("both", True), ("shop", True), ("widgets", False)]
)
def test_the_merchant_decides_whose_forms_visitors_meet(main, forms, is_shown):
    Storefront.objects.create(connection=main, domain="shop.example", forms=forms)
    text = (
        "{% esputnik_subscribe_form %}{% esputnik_shop_form %}<i>own</i>{% endesputnik_shop_form %}"
    )
    page = shown(text)
    assert ('name="email"' in page, "<i>own</i>" in page) == (is_shown, is_shown)
    assert "<i>own</i>" in shown(text, host="other.example")


def test_a_page_with_the_form_costs_no_query(main, django_assert_num_queries):
    Storefront.objects.create(connection=main, domain="shop.example")
    shown("{% esputnik_subscribe_form %}")
    with django_assert_num_queries(0):
        shown("{% esputnik_subscribe_form %}")


def test_a_strange_host_breaks_no_page():
    assert 'name="email"' in shown("{% esputnik_subscribe_form %}", host="evil.example")


def test_the_form_works_without_a_request():
    page = Template("{% load esputnik %}{% esputnik_subscribe_form %}").render(Context())
    assert 'name="next" value=""' in page


# -- which account ---------------------------------------------------------------------------------


def test_each_host_subscribes_at_its_own_account(main):
    other = Connection.objects.create(name="other", api_key="KEY")
    Storefront.objects.create(connection=main, domain="testserver")
    Storefront.objects.create(connection=other, domain="other.example")
    send()
    assert (len(written(main)), len(written(other))) == (1, 0)


def test_without_a_storefront_all_accounts_without_one_take_it(main):
    other = Connection.objects.create(name="other", api_key="KEY")
    Storefront.objects.create(connection=other, domain="other.example")
    send()
    assert (len(written(main)), len(written(other))) == (1, 0)


def test_an_only_account_takes_it_on_any_host(main):
    Storefront.objects.create(connection=main, domain="elsewhere.example")
    send()
    assert len(written()) == 1


# -- a shop's own form -----------------------------------------------------------------------------


def test_a_shops_own_code_can_subscribe(main):
    assert api.subscribe(
        email=" Ada@EXAMPLE.com ",
        form_type="checkout",
        groups=["News"],
        categories=["sales"],
        first_name="Ада",
        language="UK",
        contact_key="7",
        is_confirmed=True,
        connection="main",
    )
    (subscription,) = written()
    assert subscription.email == "Ada@example.com"
    assert subscription.is_confirmed
    assert (subscription.contact_key, subscription.language) == ("7", "uk")


@pytest.mark.parametrize(
    "wrong",
    [{"email": "ada"}, {}, {"phone": "12"}, {"email": MAIL, "form_type": "a b"},
     {"email": MAIL, "groups": ["x" * 101]}, {"email": MAIL, "groups": map(str, range(21))}],
)  # fmt: skip
def test_what_its_code_gets_wrong_is_said(wrong):
    with pytest.raises(BadRequestError):
        api.subscribe(**wrong)


def test_its_code_is_told_when_nobody_takes_it(main):
    Connection.objects.update(is_enabled=False)
    capture.forget_connections()
    assert api.subscribe(email=MAIL) is False
