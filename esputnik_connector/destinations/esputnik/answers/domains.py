"""Domains in eSputnik's answers: whichever shape the list has, and however a domain is spelt.

Of ``GET /v1/site/webpush/domains`` the shape is not declared, and of ``GET /v1/site/domains`` only
in part (esputnik-api.md#site-domains): a list of objects or of texts, one alone in the place of its
list, a list inside of an object, or an object by domains. Pure.
"""

from __future__ import annotations

from collections.abc import Iterator

from esputnik_connector.destinations.site import host_of
from esputnik_connector.records import JSONObject, JSONValue

from .lists import text
from .values import text_of

NAMES = ("domain", "domainName", "host", "url", "name")  # of the domain in an entry
LISTS = ("domains", "items", "data", "success", "result", "results", "webpush", "webPush")
DEEPEST = 3  # objects inside of each other


def entries_of(body: JSONValue) -> list[JSONObject]:
    """Each domain of an answer as an object with its ``domain``, and what else is said of it."""
    return list(_entries(body, DEEPEST))


def _entries(body: JSONValue, depth: int) -> Iterator[JSONObject]:
    if isinstance(body, list):
        for each in body:
            yield from _entries(each, depth)
    elif isinstance(body, str):
        if "." in host_of(body):  # no bare "OK"
            yield {"domain": text(body)}
    elif isinstance(body, dict) and depth:
        yield from _of_object(body, depth)


def _of_object(body: JSONObject, depth: int) -> Iterator[JSONObject]:
    named = next((found for name in NAMES if (found := text_of(body, name))), "")
    if named and host_of(named):
        yield {**body, "domain": named}
        return
    inner = next((body[name] for name in LISTS if isinstance(body.get(name), (list, dict))), None)
    if inner is not None:
        yield from _entries(inner, depth - 1)
        return
    for key, value in body.items():  # domain → what is said of it
        if "." in key and host_of(key) and isinstance(value, dict):
            yield {**value, "domain": key}


def spellings(domain: str) -> tuple[str, ...]:
    """The domain as it is written, and as the account may have it: with or without ``https://``."""
    host = host_of(domain)
    return tuple(dict.fromkeys((domain, f"https://{host}", host)))
