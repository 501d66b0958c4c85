"""A build is compared, item by item, with what is served; who decides sees what would change."""

from __future__ import annotations

from decimal import Decimal
from io import StringIO

import pytest
from django.contrib.auth import get_user_model
from django.core.management import CommandError, call_command
from django.urls import reverse

from esputnik_connector.exceptions import RecordError
from esputnik_connector.feed.artifact import storage
from esputnik_connector.feed.build import Build
from esputnik_connector.feed.publish import accept_build
from esputnik_connector.models import Feed
from esputnik_connector.models.feed_build import BuildStatus
from esputnik_connector.records import Availability
from tests.feeds import product

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _shop(settings, tmp_path, plain_shop, monkeypatch):
    settings.MEDIA_ROOT = tmp_path
    plain_shop.goods = shelf(10)
    monkeypatch.setattr(plain_shop, "product_page_for_staff", lambda _self, key: f"/staff/{key}/")


def shelf(number, start=1):
    return [product(key=str(key), title=f"Shirt {key}") for key in range(start, start + number)]


@pytest.fixture
def feed(plain_shop):
    made = Feed.objects.create(name="main", language="uk", currency="UAH", brand="K")
    Build(made).run()
    made.refresh_from_db()
    return made


def counts(row):
    row.refresh_from_db()
    return {name: told["count"] for name, told in row.changes.items()}


def examples(row, change):
    return row.changes[change]["examples"]


def test_the_first_file_is_compared_with_nothing(feed):
    assert feed.builds.get().changes is None


def test_every_kind_of_change_is_counted_and_shown(feed, plain_shop):
    plain_shop.goods = [
        product(key="1", title="Shirt 1", price=Decimal("12.00")),
        product(key="2", title="Shirt 2", availability=Availability.OUT_OF_STOCK),
        product(key="3", title="Blouse 3"),
        *shelf(6, start=4),
        *shelf(1, start=11),
    ]
    row = Build(feed).run()
    assert row.status == BuildStatus.PUBLISHED
    assert counts(row) == {
        "removed": 1, "added": 1, "price": 1, "availability": 1, "other": 1,
    }  # fmt: skip
    assert examples(row, "removed") == [["10", "Shirt 10", "10.00 UAH", ""]]
    assert examples(row, "added") == [["11", "Shirt 11", "", "10.00 UAH"]]
    assert examples(row, "price") == [["1", "Shirt 1", "10.00 UAH", "12.00 UAH"]]
    assert examples(row, "availability") == [["2", "Shirt 2", "in_stock", "out_of_stock"]]
    assert examples(row, "other") == [["3", "Blouse 3", "", ""]]


def test_an_unchanged_catalogue_has_no_differences(feed):
    row = Build(feed).run()
    assert (row.status, counts(row)) == (BuildStatus.UNCHANGED, {})


def test_a_removed_item_says_why_if_the_build_knows(feed, plain_shop):
    plain_shop.goods[4] = product(key="5", title="Shirt 5", price=None)
    row = Build(feed).run()
    assert examples(row, "removed") == [["5", "Shirt 5", "10.00 UAH", "no_price"]]


def test_a_held_build_is_compared_with_what_is_served_and_not_with_the_build_before(
    feed, plain_shop
):
    plain_shop.goods = shelf(5)
    assert counts(Build(feed).run()) == {"removed": 5}
    plain_shop.goods = shelf(4)
    held = Build(feed).run()
    assert (held.status, counts(held)) == (BuildStatus.HELD, {"removed": 6})
    assert accept_build(held)
    plain_shop.goods = shelf(5)
    assert counts(Build(feed).run()) == {"added": 1}


def test_a_failed_build_changes_nothing_in_the_comparison(feed, plain_shop, monkeypatch):
    with monkeypatch.context() as patch:
        patch.setattr(plain_shop, "goods", [*shelf(3), None])
        with pytest.raises(RecordError, match=r"product \? is None"):
            Build(feed).run()
    plain_shop.goods = shelf(11)
    assert counts(Build(feed).run()) == {"added": 1}


def test_a_shop_whose_items_were_all_replaced_waits_for_a_person(feed, plain_shop):
    plain_shop.goods = shelf(12, start=101)
    held = Build(feed).run()
    assert held.status == BuildStatus.HELD
    assert "10 of the 10 items that are served would be gone (100 %)" in held.detail
    assert counts(held) == {"removed": 10, "added": 12}


@pytest.mark.parametrize("trouble", ["gone", "torn", "other"])
def test_a_list_of_items_that_cannot_be_read_sinks_no_build(feed, plain_shop, trouble, caplog):
    with storage().open(feed.manifest) as file:
        content = file.read()
    storage().delete(feed.manifest)
    if trouble != "gone":
        path = storage().path(feed.manifest)
        with open(path, "wb") as file:
            file.write(content[: len(content) // 2] if trouble == "torn" else b"something else")
    plain_shop.goods = shelf(11)
    row = Build(feed).run()
    assert (row.status, row.changes) == (BuildStatus.PUBLISHED, None)
    assert "no comparison" in caplog.text
    plain_shop.goods = shelf(12)
    assert counts(Build(feed).run()) == {"added": 1}  # it mends itself


def run(*arguments):
    out = StringIO()
    try:
        call_command("esputnik_feed", *arguments, stdout=out, stderr=out)
    except (CommandError, SystemExit) as error:
        return out.getvalue(), error
    return out.getvalue(), None


def test_the_command_tells_what_changed_and_what_a_held_build_would_change(feed, plain_shop):
    plain_shop.goods = shelf(40)
    said, error = run("build")
    assert error is None
    assert "30 × added" in said
    assert "11  Shirt 11  10.00 UAH" in said
    assert "… and 10 more" in said
    plain_shop.goods = shelf(2)
    said, error = run("build")
    assert error is not None
    assert "38 × removed" in said
    said, error = run("check", "--offline")
    assert error is not None
    assert "waits for your decision" in said
    assert "38 × removed" in said


def test_who_decides_sees_what_would_be_gone_with_links_to_the_products(client, feed, plain_shop):
    plain_shop.goods = shelf(2)
    held = Build(feed).run()
    client.force_login(get_user_model().objects.create_superuser("boss"))
    pages = (
        reverse("admin:esputnik_connector_feed_change", args=[feed.pk]),
        reverse("admin:esputnik_connector_feedbuild_change", args=[held.pk]),
    )
    for page in pages:
        shown = client.get(page).content.decode()
        assert "<strong>8</strong> × removed" in shown
        assert '<a href="/staff/10/">Shirt 10</a>' in shown
        assert "10 · 10.00 UAH" in shown
    assert f'<a href="{pages[0]}">Accept or discard it' in shown  # the last one has no buttons


def test_a_title_is_no_html(client, feed, plain_shop):
    plain_shop.goods = [*plain_shop.goods, product(key="<i>", title="<b>bold</b>")]
    row = Build(feed).run()
    client.force_login(get_user_model().objects.create_superuser("boss"))
    page = reverse("admin:esputnik_connector_feedbuild_change", args=[row.pk])
    shown = client.get(page).content.decode()
    assert "&lt;b&gt;bold" in shown
    assert "<b>bold" not in shown
