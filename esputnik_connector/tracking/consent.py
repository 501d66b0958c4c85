"""What of a visitor's behaviour may be told: their word, their browser's signals, and no robot."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import lru_cache
from typing import Any

from django.core.signals import setting_changed
from django.http import HttpRequest

from esputnik_connector import registry
from esputnik_connector.behaviour import BehaviourType
from esputnik_connector.conf import conf
from esputnik_connector.exceptions import ConfigurationError
from esputnik_connector.records import Reason

from .visitor import agent_of

Allowed = frozenset[BehaviourType]
Hook = Callable[[HttpRequest], Iterable[Any] | None]

EVERYTHING: Allowed = frozenset(BehaviourType)
NOTHING: Allowed = frozenset()

# Robots that say so. A list of every one would be long and out of date within a month, and those
# that do harm do not say so; by these words the large search engines, previews of messengers,
# monitors and libraries name themselves, which is nearly all of their traffic.
ROBOTS = (
    "bot", "crawl", "spider", "slurp", "facebookexternalhit", "whatsapp", "preview",
    "lighthouse", "pagespeed", "pingdom", "uptime", "monitor", "python-requests", "curl/",
    "wget/", "go-http-client", "java/", "okhttp", "scrapy", "httpclient",
)  # fmt: skip


@lru_cache(maxsize=512)  # few browsers open most pages
def is_robot(user_agent: str) -> bool:
    """Whoever names no browser at all is one, too."""
    named = user_agent.lower()
    return not named or any(word in named for word in ROBOTS)


def says_no(request: HttpRequest) -> bool:
    """By Global Privacy Control or Do-Not-Track, where the shop honours them."""
    if not conf.HONOUR_PRIVACY_SIGNALS:
        return False
    return request.META.get("HTTP_SEC_GPC") == "1" or request.META.get("HTTP_DNT") == "1"


def allowed(request: HttpRequest) -> Allowed:
    """What this visitor allows to be told. A hook that fails allows nothing.

    :raises ConfigurationError: the hook cannot be imported or does not name types.
    """
    if says_no(request):
        return NOTHING
    hook = _hook()
    if hook is None:
        return EVERYTHING
    named = hook(request)
    if named is None:
        return EVERYTHING
    try:
        return frozenset(map(BehaviourType, named))
    except (TypeError, ValueError) as error:
        raise ConfigurationError(
            f"ESPUTNIK_CONNECTOR['CONSENT'] names {conf.CONSENT!r}, which must answer with types "
            f"of behaviour, such as BehaviourType.PRODUCT_PAGE: {error}"
        ) from error


def refusal(request: HttpRequest, behaviour_type: BehaviourType) -> Reason | None:
    """Why the server must not tell this; ``None`` if it may."""
    found = refusal_of_any(request)
    if found is None and behaviour_type not in allowed(request):
        return Reason.NO_CONSENT
    return found


def refusal_of_any(request: HttpRequest) -> Reason | None:
    """Why nothing at all of this visitor is told, as the request says by itself: no script of a
    page will bring it back either."""
    if is_robot(agent_of(request)):
        return Reason.ROBOT
    return Reason.NO_CONSENT if says_no(request) else None


@lru_cache(maxsize=1)
def _hook() -> Hook | None:
    return registry.load(conf.CONSENT, "CONSENT") if conf.CONSENT else None


def _forget(*, setting: str, **_: object) -> None:
    if setting == "ESPUTNIK_CONNECTOR":
        _hook.cache_clear()


setting_changed.connect(_forget, dispatch_uid="esputnik_connector.tracking.consent")
