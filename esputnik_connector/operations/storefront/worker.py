"""The service worker as the shop serves it: the platform's own, or one that ends itself."""

from __future__ import annotations

from dataclasses import dataclass

from esputnik_connector.conf import conf
from esputnik_connector.models import RetiredWorker, Storefront
from esputnik_connector.models.storefront import is_host_of

# Browsers ask for a worker's script again by themselves, a day after the last time at the latest.
RETIREMENT = """/* Web push of this shop has ended: this worker takes itself out of the browser. */
'use strict';
function leave() {
  return self.registration.pushManager.getSubscription().then(function (subscription) {
    return subscription && subscription.unsubscribe();
  }).catch(function () { return null; }).then(function () {
    return self.registration.unregister();
  });
}
self.addEventListener('install', function () { self.skipWaiting(); });
self.addEventListener('activate', function (event) { event.waitUntil(leave()); });
self.addEventListener('push', function (event) { event.waitUntil(leave()); });
"""


@dataclass(frozen=True, kw_only=True)
class WorkerScript:
    """What a browser gets. ``scope``: what the worker may govern beyond its own folder."""

    text: str
    scope: str


def script_for(host: str, address: str) -> WorkerScript | None:
    """The script at a path of a host; ``None`` where there is none of ours, and never was.

    A connection that is off for a while keeps its worker; one that left has a retired one, also
    when its row is deleted, and where ``RETIRED_PUSH_WORKERS`` says so.
    """
    storefronts = list(Storefront.objects.all())
    for one in storefronts:
        is_live = one.is_connected and one.is_push and bool(one.push_worker)
        if is_live and one.push_address == address and is_host_of(host.lower(), one.domain):
            return WorkerScript(text=one.push_worker, scope=one.push_scope)
    retired = {path for one in storefronts for path in one.retired_workers}
    is_retired = address in retired or address in conf.RETIRED_PUSH_WORKERS
    if is_retired or RetiredWorker.objects.filter(address=address).exists():
        return WorkerScript(text=RETIREMENT, scope="/")
    return None
