"""The merchant connects the shop, in a real browser."""

from __future__ import annotations

from esputnik_connector.fields import reveal
from esputnik_connector.models import Connection, OutboxMessage

ADD = "/admin/esputnik_connector/connection/add/"


def fill(page, live_server, fake, *, key: str) -> None:
    page.goto(f"{live_server.url}{ADD}")
    page.fill("#id_name", "main")
    page.fill("#id_new_key", key)
    page.select_option("#id_consent_policy", "unconfirmed")
    page.evaluate("document.querySelectorAll('details').forEach(each => each.open = true)")
    for toggle in page.query_selector_all("fieldset.collapse a.collapse-toggle"):
        toggle.click()  # Django 4.2 hides the section behind a link
    page.fill("#id_api_url", fake.api_url)
    with page.expect_navigation():
        page.click("input[name=_continue]")


def test_a_wrong_key_is_explained_and_nothing_is_saved(merchant, live_server, fake):
    fill(merchant, live_server, fake, key="not-the-key")
    assert merchant.locator(".errornote").count() == 1
    assert "refused" in merchant.locator("ul.errorlist").first.inner_text()
    assert "not-the-key" not in merchant.content()
    assert not Connection.objects.exists()


def test_a_wrong_key_is_explained_in_ukrainian(merchant, live_server, fake):
    merchant.set_extra_http_headers({"Accept-Language": "uk"})
    fill(merchant, live_server, fake, key="not-the-key")
    assert merchant.locator("html").get_attribute("lang") == "uk"
    why = merchant.locator("ul.errorlist").first.inner_text()
    assert "eSputnik" in why
    assert "ключ" in why.lower()
    assert not Connection.objects.exists()


def test_a_good_key_connects_and_is_never_shown_again(merchant, live_server, fake):
    fill(merchant, live_server, fake, key=fake.key)
    assert f"Connected to {fake.settings.organisation}" in merchant.inner_text("body")
    assert fake.key not in merchant.content()
    connection = Connection.objects.get()
    assert reveal(connection.api_key) == fake.key
    assert connection.status_mappings.filter(shop_status="Delivered", status="DELIVERED").exists()


def test_a_key_that_was_revoked_is_found_by_the_test_button(merchant, live_server, fake):
    fill(merchant, live_server, fake, key=fake.key)
    fake.configure(key="another-key")
    with merchant.expect_navigation():
        merchant.get_by_role("button", name="Test connection").click()
    assert "refused" in merchant.inner_text(".messagelist")
    assert Connection.objects.get().paused_at is not None


def test_what_was_set_aside_is_tried_again(merchant, live_server, fake):
    fill(merchant, live_server, fake, key=fake.key)
    row = OutboxMessage.objects.create(
        connection=Connection.objects.get(), kind="order", key="100001", is_dead=True,
        reason="refused", detail="status is unknown",
    )  # fmt: skip
    merchant.goto(f"{live_server.url}/admin/esputnik_connector/outboxmessage/")
    assert "set aside: the destination refused it: status is unknown" in merchant.inner_text(
        "#result_list"
    )
    merchant.check("input.action-select")
    merchant.select_option("select[name=action]", label="Try again")
    with merchant.expect_navigation():
        merchant.click("button[name=index]")
    row.refresh_from_db()
    assert not row.is_dead


def test_the_pages_fit_a_phone(merchant, live_server, fake):
    fill(merchant, live_server, fake, key=fake.key)
    merchant.set_viewport_size({"width": 390, "height": 800})
    connection = Connection.objects.get()
    for path in (
        "connection/",
        f"connection/{connection.pk}/change/",
        "outboxmessage/",
        "attempt/",
    ):
        merchant.goto(f"{live_server.url}/admin/esputnik_connector/{path}")
        wide = merchant.evaluate("document.documentElement.scrollWidth - window.innerWidth")
        assert wide <= 0, f"{path} is {wide} pixels too wide"
