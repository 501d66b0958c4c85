"""The site of an account at the fake, and at one that answers what nobody documented."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from esputnik_connector.destinations.base import (
    Account,
    PushWorker,
    Site,
    SiteDomain,
    SiteRefusal,
    SiteRefusalCode,
)
from esputnik_connector.destinations.esputnik.destination import EsputnikDestination
from esputnik_connector.destinations.esputnik.site import is_snippet
from esputnik_connector.exceptions import CredentialsError, TemporaryError
from esputnik_connector.testing.fake_esputnik import FakeEsputnik, Fault

DOMAINS = "/api/v1/site/domains"
SCRIPT = "/api/v1/site/script"
PUSH = "/api/v1/site/webpush/domain"
PUSH_LIST = "/api/v1/site/webpush/domains"
PUSH_SCRIPT = "/api/v1/site/webpush/script"
WORKER = PushWorker(
    domain="https://shop.example", name="sw.js", path="/push/esputnik/", scope="/push/esputnik/"
)


@pytest.fixture
def site(fake: FakeEsputnik) -> Iterator[Site]:
    account = Account(name="main", api_key=fake.key, api_url=fake.api_url)
    destination = EsputnikDestination(account, {"rate": "100000/second"})
    yield destination.site()
    destination.close()


def code_of(error: pytest.ExceptionInfo[SiteRefusal]) -> SiteRefusalCode:
    return error.value.code


@pytest.mark.parametrize("form", ["documented", "objects", "lists"])
def test_a_domain_is_registered_and_listed(fake: FakeEsputnik, site: Site, form: str) -> None:
    fake.configure(lists_of_one=form)
    assert list(site.domains()) == []
    assert site.register("shop.example").site_id
    assert list(site.domains()) == [SiteDomain(domain="shop.example")]
    fake.configure(domains_tell_site_id=True)
    assert site.domains()[0].site_id == site.register("shop.example").site_id


def test_an_answer_without_a_site_id_is_no_error(fake: FakeEsputnik, site: Site) -> None:
    fake.script(Fault("empty", path=DOMAINS, when="after"))
    assert site.register("shop.example") == SiteDomain(domain="shop.example")


@pytest.mark.parametrize("site_id", [12345, "8A412DC"])
def test_a_site_id_may_be_a_number_or_a_text(fake, site, site_id) -> None:
    fake.script(Fault("patch", path=DOMAINS, body={"siteId": site_id}))
    assert site.register("shop.example").site_id == str(site_id)


@pytest.mark.parametrize("site_id", ["<script>", "a b", "x" * 60, {"a": 1}, True, ""])
def test_what_is_no_site_id_is_left_out(fake, site, site_id) -> None:
    fake.script(Fault("patch", path=DOMAINS, body={"siteId": site_id}))
    assert site.register("shop.example").site_id == ""


def test_refusals_of_a_domain_have_a_code(fake: FakeEsputnik, site: Site) -> None:
    fake.configure(unreachable_domains=["far.example"], known_domain="refused")
    with pytest.raises(SiteRefusal) as far:
        site.register("far.example")
    with pytest.raises(SiteRefusal) as invalid:
        site.register("no domain")
    site.register("shop.example")
    with pytest.raises(SiteRefusal) as second:
        site.register("other.example")
    with pytest.raises(SiteRefusal) as again:
        site.register("shop.example")
    assert [code_of(one) for one in (far, invalid, second, again)] == [
        SiteRefusalCode.DOMAIN_UNREACHABLE,
        SiteRefusalCode.DOMAIN_INVALID,
        SiteRefusalCode.ONE_DOMAIN,
        SiteRefusalCode.DOMAIN_TAKEN,
    ]
    assert "Domain can't be reached" in str(far.value)


@pytest.mark.parametrize(
    "body",
    [
        {"siteId": None, "result": None, "errors": {"message": "Domain can't be reached"}},
        {"siteId": None, "result": None, "errors": [{"message": "Domain can't be reached"}]},
        {"siteId": None, "result": "ERROR", "message": "Domain can't be reached"},
        {"siteId": None, "error": "Domain can't be reached"},
        {"status": 400, "message": "Domain can't be reached"},
    ],
)
def test_an_error_inside_a_success_is_one(fake: FakeEsputnik, site: Site, body: dict) -> None:
    fake.script(Fault("patch", path=DOMAINS, body=body))
    with pytest.raises(SiteRefusal) as error:
        site.register("shop.example")
    assert code_of(error) is SiteRefusalCode.DOMAIN_UNREACHABLE


def test_the_same_request_a_moment_ago_is_no_refusal(fake: FakeEsputnik, site: Site) -> None:
    fake.script(Fault("status", path=DOMAINS, status=409, body="Duplicated request"))
    assert site.register("shop.example") == SiteDomain(domain="shop.example")


def test_the_script_is_kept_byte_for_byte(fake: FakeEsputnik, site: Site) -> None:
    written = (
        "\n<!-- їжак -->\n<script>\n  var a = 1 // no semicolon\n  eS('init')\r\n</script>\n\n"
    )
    fake.configure(site_script=written)
    assert site.script() == written
    site.register("shop.example")
    fake.configure(site_script="")
    script = site.script()
    assert site.site_id_in(script) == site.register("shop.example").site_id
    assert site.site_id_in("<script>eS()</script>") == ""


def test_a_script_that_calls_itself_html_is_a_script(fake: FakeEsputnik, site: Site) -> None:
    script = "<script>eS('init')</script>"
    fake.script(Fault("html", path=SCRIPT, status=200, body=script))
    assert site.script() == script


@pytest.mark.parametrize(
    "written",
    [
        "OK",
        "<!DOCTYPE html><html><body>Sorry</body></html>",
        "<html><script>x</script></html>",
        "<script>cut off in the mid",
        '{"message": "not ready"}',
        "alert(1)",
        "<script>x</script><img src=x onerror=y>",
        "<script>x\x00</script>",
        "<script>" + "x" * 200_000 + "</script>",
        "",
    ],
)
def test_what_is_no_script_is_refused(written: str) -> None:
    assert not is_snippet(written)


@pytest.mark.parametrize("written", ["OK, soon", "<body>We will be back</body>"])
def test_a_text_that_is_no_script_is_named(fake, site, written) -> None:
    fake.configure(site_script=written)
    with pytest.raises(SiteRefusal) as error:
        site.script()
    assert code_of(error) is SiteRefusalCode.NOT_A_SCRIPT


def test_a_page_in_the_place_of_a_script_is_worth_another_try(fake, site) -> None:
    fake.script(Fault("html_ok", path=SCRIPT))
    with pytest.raises(TemporaryError):
        site.script()


def test_without_a_domain_there_is_no_script(fake: FakeEsputnik, site: Site) -> None:
    with pytest.raises(SiteRefusal) as error:
        site.script()
    assert code_of(error) is SiteRefusalCode.NO_DOMAIN


@pytest.mark.parametrize("form", ["documented", "objects"])
def test_web_push_is_registered_looked_at_and_left(fake, site, form) -> None:
    fake.configure(lists_of_one=form)
    assert list(site.push_domains()) == []
    assert site.register_push(WORKER) == WORKER
    assert list(site.push_domains()) == [WORKER]
    scripts = site.push_scripts(WORKER.domain)
    assert "/push/esputnik/sw.js" in scripts.script
    assert "addEventListener" in scripts.worker
    assert site.leave_push(WORKER.domain)
    assert not site.leave_push(WORKER.domain)


@pytest.mark.parametrize("listed", ["objects", "hosts"])
def test_a_known_push_domain_is_no_refusal(fake: FakeEsputnik, site: Site, listed: str) -> None:
    """Also where it was registered as a bare host: the scripts are asked for by that."""
    fake.configure(push_domains_listed=listed)
    bare = PushWorker(domain="shop.example", name=WORKER.name, path=WORKER.path, scope=WORKER.scope)
    site.register_push(bare)
    assert site.register_push(WORKER).domain == "shop.example"


def test_another_worker_at_the_account_is_named(fake: FakeEsputnik, site: Site) -> None:
    site.register_push(PushWorker(domain="shop.example", name="old.js", path="/", scope="/"))
    with pytest.raises(SiteRefusal, match=r"/old\.js") as error:
        site.register_push(WORKER)
    assert code_of(error) is SiteRefusalCode.PUSH_OTHERWISE


def test_errors_of_web_push_inside_a_success_are_read(fake: FakeEsputnik, site: Site) -> None:
    plain = PushWorker(domain="http://shop.example", name="a.js", path="/", scope="/")
    with pytest.raises(SiteRefusal, match="needs https") as error:
        site.register_push(plain)
    assert code_of(error) is SiteRefusalCode.PUSH_REFUSED


@pytest.mark.parametrize("kind", ["empty", "text_ok", "maintenance"])
def test_a_success_that_proves_nothing_is_looked_up(fake, site, kind) -> None:
    fake.script(Fault(kind, path=PUSH, method="POST"))
    with pytest.raises(TemporaryError):
        site.register_push(WORKER)
    fake.script(Fault(kind, path=PUSH, method="POST", when="after"))
    assert site.register_push(WORKER) == WORKER


@pytest.mark.parametrize(
    "body",
    [
        {"script": None},
        {"serviceWorker": None},
        {"serviceWorker": "<html>Not found</html>"},
        {"serviceWorker": "<!DOCTYPE html><h1>502</h1>"},
        {"script": ""},
        {"script": {"a": 1}},
    ],
)
def test_what_are_no_push_scripts_is_refused(fake: FakeEsputnik, site: Site, body: dict) -> None:
    site.register_push(WORKER)
    fake.script(Fault("patch", path=PUSH_SCRIPT, body=body))
    with pytest.raises(SiteRefusal) as error:
        site.push_scripts(WORKER.domain)
    assert code_of(error) is SiteRefusalCode.NOT_A_SCRIPT


@pytest.mark.parametrize("path", [DOMAINS, SCRIPT, PUSH_LIST, PUSH_SCRIPT])
def test_a_dead_or_strange_account_is_an_error_of_the_moment(fake, site, path) -> None:
    asks = {
        DOMAINS: site.domains,
        SCRIPT: site.script,
        PUSH_LIST: site.push_domains,
        PUSH_SCRIPT: lambda: site.push_scripts(WORKER.domain),
    }
    site.register("shop.example")
    site.register_push(WORKER)
    for kind in ("reset", "html", "truncate"):
        if (kind, path) == ("truncate", SCRIPT):
            continue  # half a snippet is no snippet, which is said above
        fake.script(Fault(kind, path=path, times=2 if kind == "reset" else 1))
        with pytest.raises(TemporaryError):
            asks[path]()


def test_a_wrong_key_is_one(fake: FakeEsputnik) -> None:
    account = Account(name="main", api_key="wrong", api_url=fake.api_url)
    destination = EsputnikDestination(account, {"rate": "100000/second"})
    with pytest.raises(CredentialsError):
        destination.site().domains()
    destination.close()
