"""The site: its domain, tracking snippet, web push and product feeds."""

from __future__ import annotations

from typing import Any

from .exchange import Answer, Call, RefusedError, json_answer, text_answer
from .shapes import listed
from .site import host_of
from .state import State


def domains(state: State, _call: Call) -> Answer:
    """At most one. Whether the siteId is told here is not documented."""
    tells_id = state.settings.domains_tell_site_id
    found = [
        {"domain": host, **({"siteId": site_id} if tells_id else {})}
        for host, site_id in state.site.domains.items()
    ]
    return json_answer(listed(found, state.settings))


def add_domain(state: State, call: Call) -> Answer:
    """201 for a new domain, 200 for a known one, a refusal for a second one."""
    if host_of(call.body["domain"]) in state.settings.unreachable_domains:
        raise RefusedError(400, "Domain can't be reached", as_json=True)
    site_id, is_new = state.site.register(call.body["domain"])
    if not is_new and state.settings.known_domain == "refused":
        raise RefusedError(400, "Domain is already registered", as_json=True)
    return json_answer({"result": "OK", "siteId": site_id}, status=201 if is_new else 200)


def site_script(state: State, call: Call) -> Answer:
    written = state.settings.site_script
    return text_answer(written or state.site.snippet(f"http://{call.header('Host')}"))


def add_web_push(state: State, call: Call) -> Answer:
    """The flat call of the vendor's connectors; errors come with a 200."""
    return json_answer(state.site.add_web_push(call.body))


def add_web_push_domains(state: State, call: Call) -> Answer:
    for domain in call.body["domains"]:
        state.site.add_web_push(domain)
    return Answer(status=200)


def web_push_domains(state: State, _call: Call) -> Answer:
    found: list[Any] = list(state.site.web_push.values())
    if state.settings.push_domains_listed == "hosts":
        found = list(state.site.web_push)
    return json_answer(listed(found, state.settings))


def delete_web_push(state: State, call: Call) -> Answer:
    domain = call.query.get("domain", "")
    if state.site.web_push.pop(domain, None) is None:
        raise RefusedError(404, f"Web push domain {domain} not found")
    return Answer(status=200)


def web_push_script(state: State, call: Call) -> Answer:
    return json_answer(state.site.web_push_script(call.query["domain"], state.settings.push_worker))


def feeds(state: State, _call: Call) -> Answer:
    return json_answer({"feeds": listed(state.site.feeds, state.settings)})


def configure_feeds(state: State, call: Call) -> Answer:
    """Whether the list is replaced or added to is not documented."""
    state.site.configure_feeds(call.body["feeds"], is_replacing=state.settings.feeds_are_replaced)
    return json_answer("Product feeds have been configured")
