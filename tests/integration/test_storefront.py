"""A storefront set up at its account: each step by itself, again and again, whatever comes back."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from datetime import timedelta

import pytest
from cryptography.fernet import Fernet
from django.db import connection as database
from django.urls import set_script_prefix
from django.utils import timezone

from esputnik_connector import tasks
from esputnik_connector.destinations.esputnik.site import EsputnikSite
from esputnik_connector.exceptions import BadRequestError
from esputnik_connector.models import Connection, Heartbeat, Storefront
from esputnik_connector.operations.storefront import steps
from esputnik_connector.operations.storefront.connect import (
    StorefrontChoices,
    connect,
    disconnect,
    storefront_of,
)
from esputnik_connector.operations.storefront.run import work
from esputnik_connector.operations.storefront.schedule import due_storefronts
from esputnik_connector.operations.storefront.worker_check import Seen
from esputnik_connector.testing.fake_esputnik import FakeEsputnik, Fault
from tests.storefronts import (
    DOMAINS,
    PUSH,
    PUSH_LIST,
    PUSH_SCRIPT,
    SCRIPT,
    account_at,
    fast,
    posted,
    states,
)

pytestmark = pytest.mark.django_db

PUSHING = StorefrontChoices(is_push=True)


@pytest.fixture
def fake() -> Iterator[FakeEsputnik]:
    with FakeEsputnik() as server:
        yield server
        server.assert_contract_kept()


@pytest.fixture
def account(fake, settings) -> Connection:
    fast(settings, SHOP_URL="https://shop.example")
    return account_at(fake)


@pytest.fixture(autouse=True)
def _public_shop(monkeypatch) -> None:
    """The shop is not in the public network: what it looks like from there has tests of its own."""
    monkeypatch.setattr(steps, "look", lambda _storefront: Seen(detail="seen"))


def connected(account: Connection, wish: StorefrontChoices | None = None) -> Storefront:
    storefront = connect(account, wish or StorefrontChoices())
    assert work(storefront)
    storefront.refresh_from_db()
    return storefront


# --- tracking -------------------------------------------------------------------------------------


def test_a_domain_of_the_settings_is_registered_and_its_script_kept(account, fake):
    storefront = connected(account)
    assert states(storefront) == {
        "domain": "done", "script": "done",
        "push_domain": "off", "push_script": "off", "worker": "off",
    }  # fmt: skip
    assert storefront.domain == "shop.example"
    assert storefront.site_id in storefront.script
    assert storefront.script == fake._state.site.snippet(fake.api_url.removesuffix("/api"))
    assert Storefront.objects.for_host("www.shop.example").page_script == storefront.script


def test_the_same_again_changes_nothing(account, fake):
    first = connected(account)
    before = (first.site_id, first.script, states(first))
    again = connected(account)
    assert (again.pk, again.site_id, again.script, states(again)) == (first.pk, *before)
    assert len(posted(fake, DOMAINS)) == 1
    assert again.script_changed_at is None


@pytest.mark.parametrize("answer", ["exists", "refused"])
def test_a_domain_that_the_account_has_already_is_no_failure(account, fake, answer):
    fake._state.site.register("https://shop.example")
    fake.configure(known_domain=answer)
    storefront = connected(account)
    assert states(storefront)["domain"] == "done"
    assert storefront.script
    assert storefront.site_id == fake._state.site.domains["shop.example"]


@pytest.mark.parametrize("form", ["documented", "objects"])
def test_a_site_id_of_the_list_is_enough(account, fake, form):
    fake._state.site.register("shop.example")
    fake.configure(domains_tell_site_id=True, lists_of_one=form)
    assert connected(account).site_id
    assert posted(fake, DOMAINS) == []


def test_a_site_id_that_no_answer_has_is_read_from_the_script(account, fake):
    fake.script(Fault("empty", path=DOMAINS, method="POST", when="after"))
    storefront = connected(account)
    assert storefront.site_id == fake._state.site.domains["shop.example"]


def test_a_site_id_may_be_typed_in_where_nothing_tells_it(account, fake):
    fake.script(Fault("empty", path=DOMAINS, method="POST", when="after"))
    fake.configure(site_script="<script>eS('init')</script>")
    storefront = connected(account)
    assert storefront.site_id == ""
    assert connected(account, StorefrontChoices(site_id=" 8A412DC ")).site_id == "8A412DC"
    assert connected(account).site_id == "8A412DC"
    with pytest.raises(BadRequestError):
        connect(account, StorefrontChoices(site_id="<script>"))


def test_another_domain_of_the_organisation_is_said_plainly(account, fake):
    fake._state.site.register("other.example")
    storefront = connected(account)
    assert states(storefront)["domain"] == "failed/one_domain"
    assert states(storefront)["script"] == "waiting/waits"
    assert "other.example" in storefront.steps.get(name="domain").detail
    assert posted(fake, DOMAINS) == []


def test_a_subdomain_shares_the_domain_that_is_registered(account, fake):
    fake._state.site.register("shop.example")
    fake.configure(domains_tell_site_id=True)
    storefront = connected(account, StorefrontChoices(domain="www.shop.example"))
    assert states(storefront)["domain"] == "done"


def test_a_domain_that_esputnik_cannot_reach_may_be_tried_again(account, fake):
    fake.configure(unreachable_domains=["shop.example"])
    storefront = connected(account)
    assert states(storefront)["domain"] == "failed/domain_unreachable"
    assert "can't be reached" in storefront.steps.get(name="domain").detail
    fake.configure(unreachable_domains=[])
    assert work(storefront)
    assert states(storefront)["script"] == "done"


# --- what may go wrong ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("path", "step", "later"),
    [
        (DOMAINS, "domain", ["script"]),
        (SCRIPT, "script", []),
        (PUSH, "push_domain", ["push_script", "worker"]),
        (PUSH_SCRIPT, "push_script", ["worker"]),
    ],
)
@pytest.mark.parametrize("kind", ["reset", "status", "html"])
def test_a_dead_esputnik_fails_one_step_and_is_asked_again_soon(
    account, fake, path, step, later, kind
):
    fake.script(Fault(kind, path=path, times=None))
    storefront = connected(account, PUSHING)
    found = states(storefront)
    assert found[step] == "failed/no_answer"
    assert [found[name] for name in later] == ["waiting/waits"] * len(later)
    others = set(found) - {step, *later}
    assert {found[name] for name in others} == {"done"}
    assert storefront.due_at - timezone.now() < timedelta(minutes=16)
    fake.clear_faults()
    assert work(storefront)
    assert set(states(storefront).values()) == {"done"}


@pytest.mark.parametrize(
    "fault",
    [
        Fault("html_ok", path=SCRIPT),
        Fault("text_ok", path=SCRIPT),
        Fault("empty", path=SCRIPT),
        Fault("truncate", path=SCRIPT),
        Fault("html", path=SCRIPT, status=200),
        Fault("status", path=SCRIPT, status=404, body="Domain not found"),
        Fault("nul", path=SCRIPT),
        Fault("reset", path=SCRIPT, times=2),
    ],
    ids=lambda fault: fault.kind,
)
def test_no_error_takes_the_place_of_a_good_script(account, fake, fault):
    good = connected(account).script
    fake.script(fault)
    storefront = connected(account)
    assert states(storefront)["script"].startswith("failed/")
    assert storefront.script == good
    assert Storefront.objects.for_host("shop.example").page_script == good
    assert storefront.steps.get(name="script").done_at is not None


def test_a_script_that_changed_overnight_is_taken_and_noted(account, fake):
    storefront = connected(account)
    changed = storefront.script.replace("RECOMS:true", "RECOMS:false")
    fake.configure(site_script=changed)
    storefront = connected(account)
    assert storefront.script == changed
    assert storefront.script_changed_at is not None
    assert states(storefront)["script"] == "done/script_changed"


def test_a_script_of_another_site_is_noted_as_such(account, fake):
    storefront = connected(account)
    fake.configure(site_script=storefront.script.replace(storefront.site_id, "FFFFFFFF"))
    again = connected(account)
    assert states(again)["script"] == "done/script_of_another_site"
    assert again.site_id == storefront.site_id


def test_a_refused_key_stops_each_step_and_not_the_deliveries(account, fake):
    fake.configure(key="another")
    storefront = connected(account, PUSHING)
    assert states(storefront)["domain"] == "failed/key_refused"
    account.refresh_from_db()
    assert account.paused_at is None


def test_a_key_that_cannot_be_read_fails_the_first_step(account, fake, settings):
    fast(settings, ENCRYPTION_KEYS=[Fernet.generate_key().decode()])
    account.refresh_from_db()
    storefront = connected(account, StorefrontChoices(domain="shop.example"))
    assert states(storefront)["domain"] == "failed/not_usable"
    assert fake.log == []


# --- web push -------------------------------------------------------------------------------------


def test_web_push_is_registered_with_the_worker_of_the_shop(account, fake):
    storefront = connected(account, PUSHING)
    assert set(states(storefront).values()) == {"done"}
    assert fake._state.site.web_push["https://shop.example"] == {
        "domain": "https://shop.example",
        "serviceWorkerName": "sw.js",
        "serviceWorkerPath": "/push/esputnik/",
        "serviceWorkerScope": "/push/esputnik/",
    }
    assert storefront.push_domain == "https://shop.example"
    assert "addEventListener" in storefront.push_worker
    assert "/push/esputnik/sw.js" in storefront.page_push_script


def test_an_error_inside_a_success_fails_push_and_leaves_tracking(account, fake):
    error = {"errors": {"message": "No plan"}, "success": None}
    fake.script(Fault("patch", path=PUSH, method="POST", body=error))
    storefront = connected(account, PUSHING)
    assert states(storefront) == {
        "domain": "done", "script": "done", "push_domain": "failed/push_refused",
        "push_script": "waiting/waits", "worker": "waiting/waits",
    }  # fmt: skip
    assert storefront.page_script
    assert storefront.page_push_script == ""


@pytest.mark.parametrize("listed", ["objects", "hosts"])
def test_a_domain_that_has_push_already_gets_its_scripts(account, fake, listed):
    """Registered by an earlier try, whose answer was lost, or by another connector."""
    worker = {"serviceWorkerName": "sw.js", "serviceWorkerPath": "/push/esputnik/"}
    fake._state.site.add_web_push(
        {"domain": "shop.example", "serviceWorkerScope": "/push/esputnik/", **worker}
    )
    fake.configure(push_domains_listed=listed)
    storefront = connected(account, PUSHING)
    assert storefront.push_domain == "shop.example"
    assert states(storefront)["push_script"] == "done"


def test_a_foreign_worker_at_the_account_is_named_and_left_alone(account, fake):
    fake._state.site.add_web_push({
        "domain": "shop.example", "serviceWorkerName": "sw-esputnik.js",
        "serviceWorkerPath": "/", "serviceWorkerScope": "/",
    })  # fmt: skip
    storefront = connected(account, PUSHING)
    assert states(storefront)["push_domain"] == "failed/push_otherwise"
    assert "/sw-esputnik.js" in storefront.steps.get(name="push_domain").detail
    assert "shop.example" in fake._state.site.web_push


def test_a_foreign_worker_that_left_meanwhile_is_a_failure_like_others(account, fake):
    """The list is asked twice; in between, somebody took the domain out of web push."""
    other = {
        "domain": "shop.example", "serviceWorkerName": "sw-esputnik.js",
        "serviceWorkerPath": "/", "serviceWorkerScope": "/",
    }  # fmt: skip
    fake._state.site.add_web_push(other)
    for listed in ([other], []):
        fake.script(Fault("status", method="GET", path=PUSH_LIST, status=200, body=listed))
    storefront = connected(account, PUSHING)
    assert states(storefront)["push_domain"] == "failed/push_otherwise"
    assert states(connected(account, PUSHING))["domain"] == "done"


def test_our_own_worker_may_move(account, fake, settings):
    connected(account, PUSHING)
    settings.ROOT_URLCONF = "tests.integration.storefront_root_urls"
    storefront = connected(account, StorefrontChoices(worker="/sw-esputnik.js"))
    assert states(storefront)["push_domain"] == "done"
    assert list(fake._state.site.web_push) == ["https://shop.example"]
    assert fake._state.site.web_push["https://shop.example"]["serviceWorkerPath"] == "/"
    assert storefront.retired_workers == ["/push/esputnik/sw.js"]


def test_nothing_is_registered_that_the_shop_does_not_serve(account, fake):
    storefront = connected(account, StorefrontChoices(is_push=True, worker="/elsewhere/sw.js"))
    assert states(storefront)["push_domain"] == "failed/worker_not_served"
    assert "storefront_urls('elsewhere/')" in storefront.steps.get(name="push_domain").detail
    assert fake._state.site.web_push == {}


def test_push_scripts_that_are_none_leave_the_good_ones(account, fake):
    good = connected(account, PUSHING)
    fake.script(Fault("patch", path=PUSH_SCRIPT, body={"serviceWorker": "<html>oops</html>"}))
    again = connected(account)
    assert states(again)["push_script"] == "failed/not_a_script"
    assert (again.push_worker, again.push_script) == (good.push_worker, good.push_script)


def test_what_the_merchant_changed_in_the_account_arrives(account, fake):
    connected(account, PUSHING)
    fake.configure(push_worker="self.addEventListener('push', function () {}); // new icon")
    storefront = connected(account)
    assert "new icon" in storefront.push_worker
    assert states(storefront)["push_script"] == "done/push_changed"
    assert storefront.push_changed_at is not None


def test_push_needs_a_shop_with_https(account, settings):
    fast(settings, SHOP_URL="http://shop.example")
    Connection.objects.update(api_url="")  # the real eSputnik, not one of this machine
    account.refresh_from_db()
    with pytest.raises(BadRequestError, match="https"):
        connect(account, PUSHING)
    assert storefront_of(account) is None


# --- ending ---------------------------------------------------------------------------------------


def test_disconnecting_leaves_pages_at_once_and_push_by_a_worker(account, fake):
    storefront = connected(account, PUSHING)
    disconnect(storefront)
    assert Storefront.objects.for_host("shop.example") is None
    assert storefront.retired_workers == ["/push/esputnik/sw.js"]
    assert (storefront.script, storefront.push_script, storefront.push_worker) == ("", "", "")
    assert due_storefronts() == [storefront.pk]
    assert work(storefront)
    storefront.refresh_from_db()
    assert fake._state.site.web_push == {}
    assert storefront.push_domain == ""
    assert states(storefront)["leave"] == "done"
    assert due_storefronts() == []


def test_a_dead_esputnik_does_not_keep_anybody_connected(account, fake):
    storefront = connected(account, PUSHING)
    fake.script(Fault("reset", path=PUSH_LIST))
    disconnect(storefront)
    assert work(storefront)
    assert states(storefront)["leave"] == "failed/no_answer"
    assert Storefront.objects.for_host("shop.example") is None
    assert work(storefront)
    assert states(storefront)["leave"] == "done"


def test_leaving_counts_only_when_the_list_says_so(account, fake):
    storefront = connected(account, PUSHING)
    fake.script(Fault("maintenance", path=PUSH_LIST, method="DELETE"))
    disconnect(storefront)
    work(storefront)
    assert states(storefront)["leave"] == "failed/no_answer"


def test_a_connection_that_is_off_can_still_leave(account, fake):
    storefront = connected(account, PUSHING)
    account.is_enabled = False
    account.save()
    disconnect(storefront)
    assert work(Storefront.objects.get())
    assert fake._state.site.web_push == {}


def test_switching_push_off_leaves_push_alone_and_keeps_tracking(account, fake):
    connected(account, PUSHING)
    storefront = connected(account, StorefrontChoices(is_push=False))
    assert fake._state.site.web_push == {}
    assert storefront.retired_workers == ["/push/esputnik/sw.js"]
    assert storefront.page_script
    assert storefront.page_push_script == ""


def test_connecting_again_brings_everything_back(account, fake):
    storefront = connected(account, PUSHING)
    disconnect(storefront)
    work(storefront)
    again = connected(account)
    assert again.pk == storefront.pk
    assert again.retired_workers == []
    found = states(again)
    assert {found[name] for name in found if name != "leave"} == {"done"}
    assert again.page_script
    assert again.page_push_script


# --- who may, and when ----------------------------------------------------------------------------


def test_a_second_domain_is_a_second_connection(account):
    connect(account, StorefrontChoices())
    with pytest.raises(BadRequestError, match="a second domain of the shop"):
        connect(account, StorefrontChoices(domain="other.example"))


def test_a_disconnected_storefront_may_get_another_domain(account, fake):
    storefront = connected(account)
    disconnect(storefront)
    fake._state.site.domains.clear()
    again = connected(account, StorefrontChoices(domain="other.example"))
    assert (again.domain, states(again)["domain"]) == ("other.example", "done")
    assert again.site_id == fake._state.site.domains["other.example"]


def test_the_domain_of_another_connection_is_refused_by_its_name(account, fake):
    connect(account, StorefrontChoices())
    other = account_at(fake, "second")
    with pytest.raises(BadRequestError, match="“main” has the domain"):
        connect(other, StorefrontChoices())


def test_one_worker_at_a_time(account, fake):
    storefront = connect(account, StorefrontChoices())
    lease = Storefront.objects.get().lease("another", seconds=60)
    assert not work(storefront)
    assert fake.log == []
    lease.release()
    assert work(storefront)


@pytest.mark.django_db(transaction=True)
def test_two_workers_at_once_register_once(account, fake):
    """The one waits for a slow eSputnik; the other sees that somebody is at it, and goes."""
    storefront = connect(account, StorefrontChoices())
    fake.script(Fault("delay", path=DOMAINS, seconds=0.5, times=None))
    results: list[bool] = []

    def worker() -> None:
        try:
            results.append(work(Storefront.objects.get(pk=storefront.pk)))
        finally:
            database.close()

    threads = [threading.Thread(target=worker) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(results) == [False, False, False, True]
    assert len(posted(fake, DOMAINS)) == 1
    assert states(storefront)["script"] == "done"


def test_a_worker_that_lost_its_lease_writes_nothing_more(account, fake, monkeypatch):
    storefront = connect(account, StorefrontChoices())
    original = EsputnikSite.domains

    def slow(site):
        found = original(site)
        Storefront.objects.update(holder="another")
        return found

    monkeypatch.setattr(EsputnikSite, "domains", slow)
    assert not work(storefront)
    storefront.refresh_from_db()
    assert storefront.holder == "another"
    assert states(storefront)["domain"] == "waiting"


def test_a_shop_below_a_folder_serves_its_worker_there(account, fake):
    set_script_prefix("/shop/")
    try:
        storefront = connected(
            account, StorefrontChoices(is_push=True, worker="/shop/push/esputnik/sw.js")
        )
        assert states(storefront)["push_domain"] == "done"
        storefront = connected(account, StorefrontChoices(worker="/push/esputnik/sw.js"))
        assert states(storefront)["push_domain"] == "failed/worker_not_served"
    finally:
        set_script_prefix("/")


def test_what_a_person_wants_meanwhile_is_not_overwritten(account, fake, monkeypatch):
    """The merchant disconnects while the script is on its way."""
    storefront = connect(account, StorefrontChoices())
    original = EsputnikSite.script

    def late(site):
        script = original(site)
        disconnect(Storefront.objects.get())
        return script

    monkeypatch.setattr(EsputnikSite, "script", late)
    assert work(storefront)
    storefront.refresh_from_db()
    assert storefront.script == ""
    assert storefront.disconnected_at is not None


def test_a_restored_copy_elsewhere_asks_nothing(account, fake):
    storefront = connect(account, StorefrontChoices())
    account.environment = "another installation"
    account.save()
    with pytest.raises(BadRequestError, match="another installation"):
        connect(account, StorefrontChoices())
    assert due_storefronts() == []
    with pytest.raises(BadRequestError):
        work(Storefront.objects.get(pk=storefront.pk))
    assert fake.log == []


def test_the_clock_leaves_alone_what_may_not_be_done(account, fake):
    storefront = connect(account, StorefrontChoices())
    Connection.objects.update(environment="another installation")
    tasks.storefront(storefront.pk)
    storefront.refresh_from_db()
    assert fake.log == []
    assert storefront.due_at > timezone.now() + timedelta(hours=23)


def test_a_destination_without_sites_says_so(account, settings):
    account.destination = "recording"
    account.save()
    settings.ESPUTNIK_CONNECTOR = {
        **settings.ESPUTNIK_CONNECTOR,
        "DESTINATIONS": {
            "recording": {"BACKEND": "esputnik_connector.testing.recording.RecordingDestination"}
        },
    }
    with pytest.raises(BadRequestError, match="no storefronts"):
        connect(account, StorefrontChoices())


def test_the_daily_refresh_finds_what_is_due(account, fake):
    storefront = connected(account)
    assert due_storefronts() == []
    assert Heartbeat.last("storefronts") is not None
    assert timedelta(hours=23) < storefront.due_at - timezone.now() <= timedelta(days=1)
    Storefront.objects.update(due_at=timezone.now())
    tasks.storefront(due_storefronts()[0])
    storefront.refresh_from_db()
    assert storefront.due_at > timezone.now()
    assert storefront.refreshed_at is not None


@pytest.mark.parametrize(
    ("written", "domain"),
    [
        ("https://Shop.Example/", "shop.example"),
        ("WWW.shop.example", "www.shop.example"),
        ("магазин.укр", "xn--80aairftm.xn--j1amh"),
        ("shop.example.", "shop.example"),
    ],
)
def test_a_domain_has_one_form(account, written, domain):
    assert connect(account, StorefrontChoices(domain=written)).domain == domain


@pytest.mark.parametrize(
    "written",
    [
        "localhost", "shop", "10.0.0.1", "shop.local", "https://shop.example/uk/", "a b.example",
        "user@shop.example", "https://[::1]/", "ftp://shop.example", "shop.example:8000",
        "http://169.254.169.254", "-.example", "x" * 300 + ".example", "shop.example?a=1",
    ],
)  # fmt: skip
def test_what_esputnik_could_not_reach_is_refused_before_it_is_asked(account, written):
    Connection.objects.update(api_url="")
    account.refresh_from_db()
    with pytest.raises(BadRequestError):
        connect(account, StorefrontChoices(domain=written))


def test_a_developers_machine_may_be_a_shop_for_a_fake_account(account):
    assert (
        connect(account, StorefrontChoices(domain="http://localhost:8000")).domain
        == "localhost:8000"
    )


@pytest.mark.parametrize(
    ("worker", "scope"),
    [
        ("push/sw.js", ""), ("/push/sw.txt", ""), ("/push/../sw.js", "/x"), ("/a b/sw.js", ""),
        ("/push/sw.js", "push/"), ("/push/sw.js", "/other/"), ("/push/sw.js?x=1", ""),
        ("/push/../sw.js", ""), ("/./sw.js", ""), ("/push/sw.js", "/push/../"),
        ("/push//sw.js", ""), ("//evil.example/sw.js", ""), ("/.js", ""),
    ],
)  # fmt: skip
def test_a_worker_that_no_browser_would_take_is_refused(account, worker, scope):
    with pytest.raises(BadRequestError):
        connect(account, StorefrontChoices(is_push=True, worker=worker, scope=scope))
