"""Domains, the tracking snippet and web push."""

from __future__ import annotations

import hashlib
import json
import re
from typing import Any
from urllib.parse import urlsplit

from .exchange import RefusedError
from .visits import Visits

HOST = re.compile(r"([\w-]+([.][\w-]+)+|localhost)(:[0-9]+)?")
# Stands in for eSputnik's script of web push, which asks for permission and registers the worker.
PUSH_SCRIPT = """<script>(function (n, address, scope) {
  if (n.serviceWorker) n.serviceWorker.register(address, {scope: scope});
})(navigator, %s, %s);</script>"""
PUSH_WORKER = """self.addEventListener('install', function () { self.skipWaiting(); });
self.addEventListener('push', function (event) {
  var message = event.data ? event.data.json() : {};
  event.waitUntil(self.registration.showNotification(message.title || '', message));
});
"""


class Site:
    def __init__(self) -> None:
        self.domains: dict[str, str] = {}
        self.web_push: dict[str, dict[str, Any]] = {}
        self.feeds: list[dict[str, Any]] = []
        self.visits = Visits()

    def register(self, domain: str) -> tuple[str, bool]:
        """The siteId of a domain, which may be given as a host or as a URL, and whether it is new.

        :raises RefusedError: it is no name of a domain, or the organisation has another one.
        """
        host = host_of(domain)
        if host in self.domains:
            return self.domains[host], False
        if not HOST.fullmatch(host):
            raise RefusedError(400, "Invalid domain name", as_json=True)
        if self.domains:
            raise RefusedError(400, "Only one domain is allowed per organisation", as_json=True)
        self.domains[host] = hashlib.sha256(host.encode()).hexdigest()[:8].upper()
        return self.domains[host], True

    def configure_feeds(self, feeds: list[dict[str, Any]], *, is_replacing: bool) -> None:
        """What is given in the place of what was there, or beside it."""
        given = {feed["url"]: dict(feed) for feed in feeds}
        known = {} if is_replacing else {feed["url"]: feed for feed in self.feeds}
        self.feeds = list({**known, **given}.values())

    def snippet(self, base_url: str) -> str:
        if not self.domains:
            raise RefusedError(404, "Domain not found. Register a domain first.")
        script = f"{base_url}/scripts/{next(iter(self.domains.values()))}.js"
        return (
            "<script>!function(t,e,c,n){var s=e.createElement(c);s.async=1,s.src=n;"
            "var r=e.scripts[0];r.parentNode.insertBefore(s,r);"
            "t.eS=t.eS||function(){(t.eS.q=t.eS.q||[]).push(arguments)}}"
            f"(window,document,'script','{script}');"
            "eS('init',{TRACKING:true,RECOMS:true});</script>"
        )

    def add_web_push(self, body: dict[str, Any]) -> dict[str, Any]:
        """Errors come with a 200."""
        domain = str(body["domain"])
        if host_of(domain) in map(host_of, self.web_push):
            return _push_error(domain, "Domain is already registered")
        if domain.startswith("http://"):
            return _push_error(domain, "Web push needs https")
        if not HOST.fullmatch(host_of(domain)):
            return _push_error(domain, "Invalid domain name")
        if not body["serviceWorkerScope"].startswith(body["serviceWorkerPath"]):
            return _push_error(domain, "Scope and path must have the same base")
        self.web_push[domain] = dict(body)
        return {"success": {"domain": domain, "status": "CREATED"}}

    def web_push_script(self, domain: str, worker: str) -> dict[str, str]:
        """Of a domain exactly as it was registered."""
        if domain not in self.web_push:
            raise RefusedError(404, f"Web push domain {domain} not found")
        body = self.web_push[domain]
        address = f"{body['serviceWorkerPath']}{body['serviceWorkerName']}"
        script = PUSH_SCRIPT % (json.dumps(address), json.dumps(body["serviceWorkerScope"]))
        return {"script": script, "serviceWorker": worker or PUSH_WORKER}


def _push_error(domain: str, message: str) -> dict[str, Any]:
    return {"errors": {"domain": domain, "message": message}}


def host_of(domain: str) -> str:
    parts = urlsplit(domain if "//" in domain else f"//{domain}")
    return parts.netloc.lower()
