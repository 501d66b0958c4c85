"""Other providers of web push, by what their scripts leave in a page. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from typing import Any
from urllib.parse import urlsplit


@dataclass(frozen=True, kw_only=True)
class Provider:
    """:param signs: parts of an address or a script that nobody else has.
    :param scope: of its worker where a shop left it as it comes."""

    name: str
    signs: tuple[str, ...]
    scope: str = "/"


PROVIDERS = (
    Provider(name="OneSignal", signs=("cdn.onesignal.com", "onesignalsdk")),
    Provider(
        name="Firebase Cloud Messaging",
        signs=("firebase-messaging", "firebase.messaging("),
        scope="/firebase-cloud-messaging-push-scope",
    ),
    Provider(name="Gravitec", signs=("gravitec.media", "gravitec.net")),
    Provider(name="SendPulse", signs=("webpushs.com", "sendpulse.com/js/push", "sp-push-worker")),
    Provider(name="Pushwoosh", signs=("pushwoosh.com", "pushwoosh-web")),
    Provider(name="PushEngage", signs=("pushengage.com",)),
    Provider(name="PushAlert", signs=("pushalert.co",)),
    Provider(name="Webpushr", signs=("webpushr.com",)),
    Provider(name="WonderPush", signs=("wonderpush.com",)),
    Provider(name="Truepush", signs=("truepush.com",)),
    Provider(name="iZooto", signs=("izooto.com",)),
    Provider(name="VWO Engage", signs=("pushcrew.com",)),
    Provider(name="Insider", signs=("useinsider.com", "insider-sw-sdk")),
    Provider(name="Batch", signs=("via.batch.com",)),
    Provider(name="Airship", signs=("aswpsdkus.com", "aswpsdkeu.com")),
)
# A page that registers a worker by itself: its address, and its scope if it names one.
REGISTERS = re.compile(
    r"serviceWorker\s*\.\s*register\(\s*['\"]([^'\"]{1,200})['\"]\s*"
    r"(?:,\s*\{[^}]{0,200}?scope['\"]?\s*:\s*['\"]([^'\"]{1,200})['\"])?"
)


@dataclass(frozen=True, kw_only=True)
class Rival:
    """Somebody else's worker. ``scope`` is which pages it governs, by all that the page says."""

    name: str
    scope: str
    is_same_scope: bool

    def as_json(self) -> dict[str, Any]:
        return asdict(self)


def rivals_in(html: str, *, scope: str, own: str) -> list[Rival]:
    """Who else there is in a page, each once.

    :param scope: of our own worker. :param own: its path, which is no rival.
    """
    lowered = html.lower()
    found = {one.name: one.scope for one in PROVIDERS if _has(lowered, one.signs)}
    for address, named in REGISTERS.findall(html):
        path = urlsplit(address).path
        if path == own:
            continue
        place = named or f"{path.rpartition('/')[0]}/"
        governed = place if place.startswith("/") else f"/{place.removeprefix('./')}"
        found[worker_owner(address) or address] = governed
    return [
        Rival(name=name, scope=where, is_same_scope=where == scope) for name, where in found.items()
    ]


def worker_owner(text: str) -> str:
    """The provider whose worker this is; ``""`` for one that is not known."""
    lowered = text.lower()
    return next((one.name for one in PROVIDERS if _has(lowered, one.signs)), "")


def rivals_of(stored: Iterable[Mapping[str, Any]]) -> list[Rival]:
    """As a storefront keeps them."""
    return [Rival(**one) for one in stored]


def _has(text: str, signs: Iterable[str]) -> bool:
    return any(sign in text for sign in signs)
