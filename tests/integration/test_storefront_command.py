"""The storefront by command, by code, and as the doctor sees it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone

from esputnik_connector import api
from esputnik_connector.models import Connection, Storefront
from esputnik_connector.operations.health import storefront as health
from esputnik_connector.operations.health.connection import of_connection
from esputnik_connector.operations.storefront import steps
from esputnik_connector.operations.storefront.rivals import Rival
from esputnik_connector.operations.storefront.worker_check import Seen
from esputnik_connector.testing.fake_esputnik import FakeEsputnik, Fault
from tests.storefronts import PUSH, PUSH_LIST, SCRIPT, account_at, fast

pytestmark = pytest.mark.django_db


@pytest.fixture
def fake() -> Iterator[FakeEsputnik]:
    with FakeEsputnik() as server:
        yield server
        server.assert_contract_kept()


@pytest.fixture
def account(fake, settings) -> Connection:
    fast(settings, SHOP_URL="https://shop.example")
    return account_at(fake)


class Outside:
    """What the shop looks like from the public network."""

    seen = Seen(detail="Browsers get the worker.")


@pytest.fixture(autouse=True)
def outside(monkeypatch) -> Outside:
    outside = Outside()
    for module in (steps, health):
        monkeypatch.setattr(module, "look", lambda _storefront: outside.seen)
    return outside


def ran(*arguments: str, code: int = 0) -> str:
    out = StringIO()
    if code:
        with pytest.raises(SystemExit) as ended:
            call_command("esputnik_storefront", *arguments, stdout=out, stderr=out)
        assert ended.value.code == code
    else:
        call_command("esputnik_storefront", *arguments, stdout=out, stderr=out)
    return out.getvalue()


def found(account: Connection, *, is_offline: bool = False) -> dict[str, str]:
    """Code → level, of what the doctor says of the storefront."""
    said = health.storefront(account, is_offline=is_offline)
    return {one.code: one.level.value for one in said}


def test_one_command_sets_it_up_and_shows_each_step(account, fake):
    text = ran("connect", "--push")
    assert "main: shop.example, connected" in text
    assert f"siteId: {fake._state.site.domains['shop.example']}" in text
    assert text.count(": done") == 5
    assert ran("status") == text


def test_what_is_not_done_ends_with_one_and_says_what_to_do(account, fake):
    fake.configure(unreachable_domains=["shop.example"])
    text = ran("connect", code=1)
    assert "register the domain: failed (domain_unreachable)" in text
    assert "Domain can't be reached" in text
    assert "Open the shop to the public network" in text
    assert ran("status", code=1)
    fake.configure(unreachable_domains=[])
    assert "failed" not in ran("refresh")


def test_a_step_may_be_tried_alone(account, fake):
    fake.script(Fault("status", path=SCRIPT, times=None))
    ran("connect", code=1)
    fake.clear_faults()
    before = len(fake.log)
    ran("refresh", "--step", "script")
    assert [one.path for one in list(fake.log)[before:]] == [SCRIPT]


def test_options_say_what_is_wanted(account):
    text = ran(
        "connect", "--domain", "https://WWW.shop.example/", "--no-tracking", "--site-id", "A1"
    )
    assert "main: www.shop.example, connected" in text
    assert "fetch the site script: not wanted" in text
    assert Storefront.objects.get().site_id == "A1"
    ran("connect", "--tracking")
    assert Storefront.objects.get().is_tracking


def test_disconnecting_by_command(account, fake):
    ran("connect", "--push")
    text = ran("disconnect")
    assert "disconnected" in text
    assert "take the domain out of web push: done" in text
    assert fake._state.site.web_push == {}


def test_without_a_storefront_it_says_how_to_make_one(account):
    for action in ("status", "refresh", "disconnect"):
        with pytest.raises(CommandError, match="esputnik_storefront connect"):
            call_command("esputnik_storefront", action)


def test_a_person_names_one_of_several_connections(account, fake):
    account_at(fake, "second")
    with pytest.raises(CommandError, match="main, second"):
        ran("connect")
    assert "second: shop.example" in ran("connect", "--connection", "second")
    with pytest.raises(CommandError, match="“second” has the domain"):
        ran("connect", "--connection", "main")


def test_a_domain_that_is_none_is_refused(account):
    with pytest.raises(CommandError, match="is no domain"):
        ran("connect", "--domain", "https://shop.example/uk/")
    assert not Storefront.objects.exists()


def test_the_merchant_chooses_that_both_providers_stay(account, outside):
    rival = Rival(name="OneSignal", scope="/", is_same_scope=False)
    outside.seen = Seen(detail="also OneSignal", code="rival_elsewhere", rivals=[rival])
    text = ran("connect", "--push")
    assert "rival_elsewhere" in text
    assert "say that both stay" in text
    ran("connect", "--accept-rivals")
    assert Storefront.objects.get().accepted_rivals == ["OneSignal"]


def test_a_status_looks_at_the_worker_anew(account, outside):
    ran("connect", "--push")
    outside.seen = Seen(detail="a file of the web server", trouble="worker_of_another")
    text = ran("status", code=1)
    assert "worker_of_another" in text
    assert "Remove the file" in text


def test_a_look_does_not_put_the_daily_refresh_off(account):
    ran("connect", "--push")
    due_at = timezone.now() + timedelta(minutes=5)
    Storefront.objects.update(due_at=due_at)
    ran("status")
    assert Storefront.objects.get().due_at == due_at


def test_a_copy_of_the_database_shows_what_is_known_and_asks_nobody(account, fake):
    ran("connect", "--push")
    Connection.objects.update(environment="another installation")
    before = len(fake.log)
    text = ran("status")
    assert "another installation" in text
    assert "main: shop.example, connected" in text
    with pytest.raises(CommandError, match="another installation"):
        ran("refresh")
    assert len(fake.log) == before


# --- by code --------------------------------------------------------------------------------------


def test_the_same_by_code(account, fake):
    assert api.refresh_storefront("main") is False
    assert api.disconnect_storefront("main") is False
    storefront = api.connect_storefront("main", is_push=True)
    assert fake.log == []
    assert api.refresh_storefront(account) is True
    storefront.refresh_from_db()
    assert storefront.push_worker
    assert api.disconnect_storefront("main") is True
    assert Storefront.objects.for_host("shop.example") is None


# --- the doctor -----------------------------------------------------------------------------------


def test_the_doctor_has_nothing_to_say_without_a_storefront(account):
    assert found(account) == {}


def test_a_storefront_in_order(account):
    ran("connect", "--push")
    assert found(account) == {"storefront_in_order": "ok"}
    codes = {one.code for one in of_connection(account, is_offline=True)}
    assert "storefront_in_order" in codes


def test_visitors_who_are_not_tracked_are_a_problem_and_an_old_script_is_none(account, fake):
    fake.script(Fault("status", path=SCRIPT, times=None))
    ran("connect", code=1)
    assert found(account) == {"storefront_not_tracking": "problem"}
    fake.clear_faults()
    ran("refresh")
    fake.script(Fault("status", path=SCRIPT, times=None))
    ran("refresh", code=1)
    assert found(account) == {"storefront_step_failed": "warning"}


def test_push_that_is_not_ready_and_push_that_was(account, fake):
    fake.script(Fault("status", path=PUSH, times=None))
    ran("connect", "--push", code=1)
    assert found(account) == {"web_push_not_ready": "problem"}
    fake.clear_faults()
    ran("refresh")
    fake.script(Fault("status", path="/api/v1/site/webpush/script", times=None))
    ran("refresh", code=1)
    assert found(account) == {"storefront_step_failed": "warning"}


def test_a_worker_that_browsers_do_not_get_is_a_problem(account, outside):
    ran("connect", "--push")
    outside.seen = Seen(detail="a file", trouble="worker_of_another")
    assert found(account) == {"service_worker_not_reached": "problem"}
    assert found(account, is_offline=True) == {"storefront_in_order": "ok"}
    outside.seen = Seen(detail="two", code="rival_elsewhere")
    assert found(account) == {"web_push_has_rival": "warning"}


def test_a_script_of_another_site_is_said(account, fake):
    ran("connect")
    script, site_id = Storefront.objects.values_list("script", "site_id").get()
    fake.configure(site_script=script.replace(site_id, "FFFFFFFF"))
    ran("refresh")
    assert found(account) == {"site_script_of_another": "warning"}


def test_the_tracker_needs_a_site_id(account):
    ran("connect")
    Storefront.objects.update(site_id="", routes={"ProductPage": "tracker"})
    assert found(account) == {"site_id_unknown": "problem"}


def test_a_refresh_that_does_not_come_is_said(account):
    ran("connect")
    Storefront.objects.update(refreshed_at=timezone.now() - timedelta(days=4))
    assert found(account) == {"storefront_not_refreshed": "warning"}


def test_a_domain_that_esputnik_still_has_for_push_is_said(account, fake):
    ran("connect", "--push")
    fake.script(Fault("status", path=PUSH_LIST, method="DELETE"))
    ran("disconnect", code=1)
    assert found(account) == {"web_push_not_left": "warning"}
    ran("refresh")
    assert found(account) == {}
