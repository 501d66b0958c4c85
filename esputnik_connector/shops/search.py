"""What an adapter may add so that staff find a record: look-ups, and the shop's own pages of it."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from django.db.models import Model
from django.utils.translation import gettext_lazy as _

from esputnik_connector.records import Kind
from esputnik_connector.shops.capabilities import Capability

MOST_MATCHES = 20  # of one search: a list that a person still reads


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """What somebody typed, read in every way that fits it. Names nobody in its ``repr``."""

    email: str = field(default="", repr=False)  # canonical
    phone: str = field(default="", repr=False)  # E.164
    name: tuple[str, ...] = field(default=(), repr=False)  # one to three parts, as they were typed


@dataclass(frozen=True, kw_only=True)
class Match:
    """A record that was found, and by what a person tells it from its neighbours."""

    kind: Kind
    key: str
    name: str = field(default="", repr=False)  # of the person
    email: str = field(default="", repr=False)
    moment: datetime | None = None  # registered, placed, begun


class SupportsSearch(Capability):
    """Finding a person by e-mail, phone or name, so that support answers in seconds."""

    missing = _(
        "The adapter of this shop does not search (SupportsSearch): a record is found by its whole "
        "number or key, and not by e-mail, phone or name."
    )

    @abstractmethod
    def search(self, wanted: Wanted, *, limit: int = MOST_MATCHES) -> Sequence[Match]:
        """Customers, and orders of guests, that fit one of the parts: at most ``limit``, the newest
        first, by a constant number of queries. Letter case does not count."""

    def belongings(self, key: str, *, limit: int = MOST_MATCHES) -> Sequence[Match]:
        """Orders and carts of this customer or guest, the newest first. None, unless a shop can
        tell."""
        return ()


@dataclass(frozen=True, kw_only=True)
class ShopPage:
    """How a row of one of the shop's models is a record of ours."""

    kind: Kind
    key: str = "pk"  # name of the attribute that holds the key


class SupportsShopPages(Capability):
    """The shop's own pages of a record: what was sent is shown there, and links lead there."""

    missing = _(
        "The adapter of this shop tells no pages of records (SupportsShopPages): what was sent is "
        "shown in the connector's own search alone."
    )

    @abstractmethod
    def shop_pages(self) -> Mapping[type[Model], ShopPage]:
        """Model → what its rows are. Their pages in Django's admin show a panel."""

    def offer_panels(self) -> None:
        """Let the shop's pages outside Django's admin show the panel too, where they have no
        template of their own. Called when the addresses of the admin are made, perhaps twice."""

    def shop_page(self, kind: Kind, key: str) -> str:
        """Path of the page where staff sees this record; ``""`` if there is none."""
        return ""
