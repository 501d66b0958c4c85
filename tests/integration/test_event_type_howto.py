"""The code of docs/howto/add-an-event-type.md does what the page says, block after block."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest
from django.db import connection as database
from django.db.migrations.loader import MigrationLoader
from django.db.models.signals import post_save
from django.test import RequestFactory
from oscar.core.loading import get_model
from oscar.test import factories

from esputnik_connector import event_types, registry
from esputnik_connector.models import Attempt, Connection, OutboxMessage
from esputnik_connector.pipeline.delivery.relay import Relay
from esputnik_connector.testing.fake_esputnik import FakeEsputnik

pytestmark = [
    pytest.mark.django_db(transaction=True),
    # Oscar and its factories are behind treebeard and factory_boy; not ours to mend
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
    pytest.mark.filterwarnings("ignore:.* is not implemented in this backend:UserWarning"),
]

KEY = "0123456789ABCDEF0123456789ABCDEF"
PAGE = Path(__file__).parents[2] / "docs" / "howto" / "add-an-event-type.md"
BLOCKS = re.findall(r"^```python\n# (\S+?)(?:, below)?\n(.*?)^```$", PAGE.read_text(), re.M | re.S)


def module(path: str) -> ModuleType:
    """All blocks of one file of the page, as the module that a reader makes of them."""
    made = ModuleType(path.removesuffix(".py").replace("/", "."))
    code = "".join(text for place, text in BLOCKS if place == path)
    assert code, f"the page has no {path}"
    exec(compile(code, path, "exec"), vars(made))
    return made


@pytest.fixture
def main(settings) -> Iterator[Any]:
    settings.ESPUTNIK_CONNECTOR = {
        **settings.ESPUTNIK_CONNECTOR,
        "DEBOUNCE_SECONDS": 0,
        "WAKE": "",
        "RATE_LIMIT_STORAGE": "",
    }
    known = event_types.event_types()
    with FakeEsputnik(key=KEY) as fake:
        made = Connection.objects.create(
            name="main", api_key=KEY, api_url=fake.api_url, sync_contacts=False
        )
        yield SimpleNamespace(connection=made, fake=fake)
    for each in event_types.event_types():
        if each not in known:
            event_types.unregister(each.name)


@pytest.fixture
def wishes(main, monkeypatch, tmp_path) -> Iterator[Any]:
    """The page's app, started."""
    events, apps = module("yourproject/events.py"), module("yourproject/apps.py")
    package = ModuleType("yourproject")
    package.__path__ = [str(tmp_path)]
    monkeypatch.setitem(sys.modules, "yourproject", package)
    monkeypatch.setitem(sys.modules, "yourproject.events", events)
    apps.YourProjectConfig("yourproject", package).ready()
    yield events
    post_save.disconnect(sender=get_model("wishlists", "Line"), dispatch_uid="yourproject.wishes")


def wish(email: str = "ada@example.com") -> Any:
    user = factories.UserFactory(email=email)
    product = factories.ProductFactory(title="Kobzar")
    return factories.WishListFactory(owner=user).lines.create(product=product, title="x")


def send(main: Any) -> list[str]:
    """What became of the events."""
    main.connection.refresh_from_db()
    Relay(main.connection).run()
    return list(Attempt.objects.filter(kind="event").values_list("outcome", flat=True))


def test_a_wish_is_reported_loaded_and_sent(main, wishes):
    line = wish()
    row = OutboxMessage.objects.get(kind="event")
    assert (row.key, row.payload) == (f"wishlist_add:{line.pk}", None)
    assert send(main) == ["delivered"]
    (event,) = main.fake.events("ProductWished")
    params = event["params"]
    assert (params["email"], params["name"]) == ("ada@example.com", "Kobzar")
    assert params["productId"] == str(line.product_id)
    assert main.fake.violations == []


def test_a_wish_that_changes_later_is_no_second_event(main, wishes):
    line = wish()
    send(main)
    line.quantity = 2
    line.save()
    assert not OutboxMessage.objects.filter(kind="event").exists()


def test_a_wish_that_was_taken_back_is_gone(main, wishes):
    wish().delete()
    assert send(main) == ["skipped"]


def test_the_loader_needs_the_same_queries_for_one_and_for_many(
    main, wishes, django_assert_num_queries
):
    keys = [wishes.WISHLIST_ADD.key(wish(f"ada{number}@example.com").pk) for number in range(9)]
    wishes.wishlist_adds(registry.shop(), keys)  # the site of the shop
    for some in (keys[:1], keys):
        with django_assert_num_queries(10):
            assert set(wishes.wishlist_adds(registry.shop(), some)) == set(some)


def test_a_key_that_somebody_typed_names_no_wish(main, wishes):
    assert wishes.wishlist_adds(registry.shop(), ["wishlist_add:x", "wishlist_add:"]) == {}


def test_a_page_view_carries_its_record(main):
    views = module("yourproject/views.py")
    event_types.register(views.PAGE_VIEWED)
    request = RequestFactory().get("/kobzar/")
    request.user = factories.UserFactory(email="ada@example.com")
    views.report_page_view(request)
    row = OutboxMessage.objects.get(kind="event")
    assert "ada@example.com" not in repr(row.payload)
    assert send(main) == ["delivered"]
    (event,) = main.fake.events("PageViewed")
    assert event["params"] == {
        "externalCustomerId": str(request.user.pk),
        "email": "ada@example.com",
        "page": "http://testserver/kobzar/",
    }


def test_the_migration_adds_the_switch_and_takes_it_back(main):
    (path,) = [place for place, _text in BLOCKS if "migrations" in place]
    (operation,) = module(path).Migration.operations
    before = MigrationLoader(None).project_state()
    after = before.clone()
    operation.state_forwards("esputnik_connector", after)

    def columns() -> set[str]:
        with database.cursor() as cursor:
            table = Connection._meta.db_table
            found = database.introspection.get_table_description(cursor, table)
        return {column.name for column in found}

    with database.schema_editor() as editor:
        operation.database_forwards("esputnik_connector", editor, before, after)
    try:
        assert "send_wishlist_add" in columns()
        assert Connection.objects.filter(pk=main.connection.pk).exists()
    finally:
        with database.schema_editor() as editor:
            operation.database_backwards("esputnik_connector", editor, after, before)
    assert "send_wishlist_add" not in columns()


def test_every_block_of_python_on_the_page_is_run_here():
    assert {place for place, _text in BLOCKS} == {
        "yourproject/events.py",
        "yourproject/apps.py",
        "yourproject/views.py",
        "esputnik_connector/migrations/00xx_send_wishlist_add.py",
    }
    assert len(BLOCKS) == PAGE.read_text().count("```python")
