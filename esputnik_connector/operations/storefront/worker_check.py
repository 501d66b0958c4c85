"""What a visitor's browser meets: our service worker at its address, and other providers beside it.

Through the public address of the shop, since a web server, a cache or a file that another plug-in
left in the root may answer in the shop's place.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import urljoin, urlsplit

from esputnik_connector.conf import conf
from esputnik_connector.destinations.base import vendor_words
from esputnik_connector.destinations.public_page import look_at
from esputnik_connector.destinations.responses import RawAnswer
from esputnik_connector.exceptions import DestinationError
from esputnik_connector.explanations import gettext as _
from esputnik_connector.models import Storefront
from esputnik_connector.models.storefront import is_host_of

from .domain import may_be_private, public_address
from .rivals import Rival, rivals_in, worker_owner

SCRIPT_TYPES = frozenset(
    {"text/javascript", "application/javascript", "application/x-javascript", "text/ecmascript"}
)
MOST_HOPS = 3  # of the home page: http to https, to www, to a language


@dataclass(frozen=True, kw_only=True)
class Seen:
    """``trouble`` is a code of what keeps browsers from our worker, ``code`` of what else was seen;
    ``detail`` is for people."""

    detail: str
    trouble: str = ""
    code: str = ""
    rivals: Sequence[Rival] = ()


def look(storefront: Storefront) -> Seen:
    """Fetch the worker and the home page. Speaks HTTP with the shop itself."""
    address = f"{public_address(storefront)}{storefront.push_address}"
    hosts = _allowed(storefront)
    try:
        answer = look_at(address, but=hosts)
    except DestinationError as error:
        text = _("%(address)s could not be looked at from here: %(why)s")
        detail = text % {"address": address, "why": error}
        return Seen(detail=detail, trouble="worker_unreachable")
    if trouble := _trouble_of(storefront, answer):
        code, words = trouble
        return Seen(detail=f"{address}: {words}", trouble=code)
    rivals = rivals_in(
        home_page(storefront).replace(storefront.push_script or "\0", ""),
        scope=storefront.push_scope,
        own=storefront.push_address,
    )
    unaccepted = [one for one in rivals if one.name not in storefront.accepted_rivals]
    fighting = [one for one in unaccepted if one.is_same_scope]
    if fighting:
        text = _(
            "%(names)s registers a service worker for the same pages (%(scope)s): the one that "
            "comes last throws the other out. Choose who stays."
        )
        detail = text % {"names": _names(fighting), "scope": storefront.push_scope}
        return Seen(detail=detail, trouble="rival_same_scope", rivals=rivals)
    if unaccepted:
        text = _(
            "Browsers get the worker. The home page also loads %(names)s: visitors are asked for "
            "their permission twice. Choose who stays."
        )
        detail = text % {"names": _names(unaccepted)}
        return Seen(detail=detail, code="rival_elsewhere", rivals=rivals)
    return Seen(detail=_("Browsers get the worker at %s.") % address, rivals=rivals)


def home_page(storefront: Storefront) -> str:
    """The HTML of the home page; ``""`` if it cannot be read, which is no news about the worker.
    Only redirects within the domain are followed."""
    address = f"{public_address(storefront)}/"
    for _hop in range(MOST_HOPS + 1):
        try:
            answer = look_at(address, but=_allowed(storefront))
        except DestinationError:
            return ""
        if not 300 <= answer.status < 400:
            return answer.text if answer.status == 200 else ""
        address = urljoin(address, answer.headers.get("Location") or "")
        if not is_host_of(urlsplit(address).netloc.lower(), storefront.domain):
            return ""
    return ""


def _trouble_of(storefront: Storefront, answer: RawAnswer) -> tuple[str, str] | None:
    """What a browser would refuse, and why."""
    if 300 <= answer.status < 400:
        return "worker_redirected", _("a redirect, which browsers refuse for a service worker.")
    if answer.status != 200:
        text = _("answers %s. Are our addresses in urls.py, and does the web server pass them on?")
        return "worker_missing", text % answer.status
    kind = answer.media_type
    if answer.is_html or kind not in SCRIPT_TYPES:
        text = _("is of type %s and no script. Does the web server pass it on?")
        return "worker_not_a_script", text % (kind or "?")
    if answer.text.strip() != storefront.push_worker.strip():
        owner = worker_owner(answer.text) or _("another worker")
        beginning = " ".join(vendor_words(None, answer.text).split())[:60]
        text = _("%(owner)s stands there in the place of ours: “%(beginning)s”. Is it a file of "
                 "the web server, or an old copy in a cache?")  # fmt: skip
        return "worker_of_another", text % {"owner": owner, "beginning": beginning}
    scope, allowed = storefront.push_scope, answer.headers.get("Service-Worker-Allowed") or ""
    is_wider = not scope.startswith(storefront.push_worker_path)
    if is_wider and not scope.startswith(allowed or "//"):
        text = _("without the header Service-Worker-Allowed browsers refuse the scope %s.")
        return "worker_scope_refused", text % scope
    return None


def _allowed(storefront: Storefront) -> list[str]:
    """Hosts that may be in a private network: those of the developer."""
    host = urlsplit(f"//{storefront.domain}").hostname or ""
    return [*conf.PLAIN_HTTP_HOSTS, *([host] if may_be_private(storefront.connection) else [])]


def _names(rivals: Sequence[Rival]) -> str:
    return ", ".join(one.name for one in rivals)
