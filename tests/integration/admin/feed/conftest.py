"""A shop of ten products, and a feed of them."""

from __future__ import annotations

import pytest

from esputnik_connector.models import Feed
from tests.feed_page import staff
from tests.feeds import product


@pytest.fixture(autouse=True)
def _shop(settings, tmp_path, plain_shop, monkeypatch):
    settings.MEDIA_ROOT = tmp_path
    plain_shop.goods = [product(key=str(key)) for key in range(1, 11)]
    monkeypatch.setattr("esputnik_connector.admin.feed.views.wake_feed", lambda _pk: None)


@pytest.fixture
def feed(db):
    return Feed.objects.create(name="main", language="uk", currency="UAH", brand="K")


@pytest.fixture
def merchant(client):
    client.force_login(staff(is_superuser=True))
    return client
