"""The doctor sees of a feed what the feed's own page says."""

from __future__ import annotations

import io
import json
from datetime import timedelta

import pytest
from django.core.management import call_command
from django.utils import timezone

from esputnik_connector.feed.build import Build
from esputnik_connector.models import Feed
from esputnik_connector.operations.health import celery
from tests.feeds import product

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _shop(settings, tmp_path, plain_shop, monkeypatch):
    """A shop whose feeds are all that may be wrong."""
    settings.MEDIA_ROOT = tmp_path
    plain_shop.goods = [product(key=str(key)) for key in range(1, 11)]
    monkeypatch.setattr(celery, "findings", lambda: iter(()))


@pytest.fixture
def feed(plain_shop):
    made = Feed.objects.create(name="main", language="uk", currency="UAH", brand="K")
    Build(made).run()
    return made


def doctor(*arguments):
    """Findings about feeds, and the exit code."""
    output, code = io.StringIO(), 0
    try:
        call_command("esputnik_doctor", "--json", *arguments, stdout=output)
    except SystemExit as end:
        code = int(end.code or 0)
    said = json.loads(output.getvalue())
    return [one for one in said if one["subject"].startswith("feed “")], code


def test_a_feed_that_is_well_is_ok(feed):
    (found,), code = doctor("--offline")
    assert (found["level"], found["subject"]) == ("ok", "feed “main”")
    assert code == 0


def test_a_shop_without_feeds_is_told_nothing_about_them():
    assert doctor("--offline") == ([], 0)


def test_a_held_build_is_a_problem_and_ends_with_one(feed, plain_shop):
    plain_shop.goods = []
    Build(feed).run()
    (found,), code = doctor("--offline")
    assert (found["level"], code) == ("problem", 1)
    assert "waits for your decision: The feed would be empty." in found["text"]
    assert "Accept or discard it" in found["remedy"]


def test_a_failed_and_a_stale_feed_are_two_problems(feed, plain_shop, monkeypatch):
    monkeypatch.setattr(plain_shop, "goods", None)
    with pytest.raises(TypeError):
        Build(feed).run()
    Feed.objects.update(built_at=timezone.now() - timedelta(hours=49))
    found, code = doctor("--offline")
    assert [one["level"] for one in found] == ["problem", "problem"]
    assert "The last build failed: TypeError" in found[0]["text"]
    assert "Out of date since" in found[1]["text"]
    assert "esputnik_feed build --due" in found[1]["remedy"]
    assert code == 1


def test_a_feed_that_is_off_is_nobodys_trouble(feed):
    Feed.objects.update(is_enabled=False, built_at=timezone.now() - timedelta(days=9))
    assert doctor("--offline") == ([], 0)


def test_an_address_that_cannot_be_read_is_a_problem_unless_offline(feed, live_server, settings):
    settings.ESPUTNIK_CONNECTOR = {**settings.ESPUTNIK_CONNECTOR, "SHOP_URL": live_server.url}
    (found,), code = doctor()
    assert (found["level"], code) == ("ok", 0)
    Feed.objects.update(shop_url="http://127.0.0.1:9")
    (found,), code = doctor()
    assert (found["level"], code) == ("problem", 1)
    assert "cannot be read from here" in found["text"]
    assert doctor("--offline")[1] == 0
