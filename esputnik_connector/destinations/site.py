"""The site of an account: its domain, what the pages of the shop carry for it, and web push.

A capability: a destination that has it says ``supports_storefront = True`` and gives a
:class:`Site` by its method ``site()``; another leaves both out.
"""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from urllib.parse import urlsplit

from esputnik_connector.exceptions import RejectedError

NO_HOST = re.compile(r"[\s<>{}\"'\\]")


class SiteRefusalCode(str, Enum):
    """Why the account has no such site, in the same word in every language."""

    ONE_DOMAIN = "one_domain"  # it has another domain, and no more than one
    DOMAIN_TAKEN = "domain_taken"  # another organisation has the domain
    DOMAIN_INVALID = "domain_invalid"
    DOMAIN_UNREACHABLE = "domain_unreachable"  # the platform cannot reach the shop
    NO_DOMAIN = "no_domain"  # the domain must be registered first
    NOT_A_SCRIPT = "not_a_script"  # what came is no script, such as a page of a proxy
    PUSH_REFUSED = "push_refused"
    PUSH_OTHERWISE = "push_otherwise"  # registered with another worker than was asked for
    REFUSED = "refused"


class SiteRefusal(RejectedError):
    """The account refused a step of a storefront; ``code`` says which way, the text why."""

    def __init__(
        self, message: str, *, code: SiteRefusalCode = SiteRefusalCode.REFUSED, status: int = 0
    ) -> None:
        super().__init__(message, status=status)
        self.code = code


@dataclass(frozen=True, kw_only=True, slots=True)
class SiteDomain:
    """A domain of the account, as it spells it. ``site_id`` is ``""`` where it does not say."""

    domain: str
    site_id: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class PushWorker:
    """A domain with web push: where its service worker is. ``""`` is what was not said."""

    domain: str  # as it was registered: a host or a whole address
    name: str = ""  # file, such as ``sw.js``
    path: str = ""  # folder, from ``/`` to ``/``
    scope: str = ""  # likewise


@dataclass(frozen=True, kw_only=True, slots=True)
class PushScripts:
    """What web push needs: a snippet for the pages, and the source of the service worker."""

    script: str
    worker: str


class Site(ABC):
    """What a storefront asks of one account. Each method makes one request, or two in turn.

    All of them raise TemporaryError and CredentialsError when the account could not be asked, and
    :class:`SiteRefusal` for what it refuses.
    """

    @abstractmethod
    def domains(self) -> Sequence[SiteDomain]:
        """The domains that the account has."""

    @abstractmethod
    def register(self, domain: str) -> SiteDomain:
        """Register a host; one that the account has already is no refusal.

        :raises SiteRefusal: the account does not have it afterwards.
        """

    @abstractmethod
    def script(self) -> str:
        """What every page of the shop carries, exactly as the platform gave it.

        :raises SiteRefusal: there is none yet, or what came is no script.
        """

    @abstractmethod
    def site_id_in(self, script: str) -> str:
        """The site's id as its script names it; ``""`` if it names none."""

    @abstractmethod
    def push_domains(self) -> Sequence[PushWorker]:
        """The domains with web push."""

    @abstractmethod
    def register_push(self, worker: PushWorker) -> PushWorker:
        """Register a domain for web push; returns it as the account spells it.

        :raises SiteRefusal: refused, or registered with another worker (PUSH_OTHERWISE).
        """

    @abstractmethod
    def push_scripts(self, domain: str) -> PushScripts:
        """The scripts of a domain, given as it was registered.

        :raises SiteRefusal: what came are no scripts.
        """

    @abstractmethod
    def leave_push(self, domain: str) -> bool:
        """Take a domain out of web push; False when it was not in it."""


def host_of(domain: str) -> str:
    """The host, with a port if there is one, of a domain that may stand there as an address, with a
    path or a dot at its end. ``""`` for what is none."""
    written = domain.strip()
    try:
        host = urlsplit(written if "//" in written else f"//{written}").netloc.lower().rstrip(".")
    except ValueError:
        return ""
    return "" if NO_HOST.search(host) else host
