"""What the tracker is told between two reads of a feed: which prices and stock changed.

A build is compared with the file that is served in any case, so that nothing is read for it: of
what changed, a row of behaviour is written in the transaction that publishes the build. So each
change is told once, with the price that the feed has. What is new in the feed or left it, eSputnik
learns when it reads the file.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from decimal import Decimal
from logging import getLogger
from urllib.parse import urlsplit

from django.db import router, transaction

from esputnik_connector.behaviour import Behaviour, BehaviourType, Route, ViewedProduct
from esputnik_connector.exceptions import without_message
from esputnik_connector.models import Feed, OutboxMessage, Storefront
from esputnik_connector.models.feed import FeedFormat
from esputnik_connector.models.storefront import is_host_of
from esputnik_connector.pipeline.behaviour.enqueue import enqueue, most_at_once
from esputnik_connector.pipeline.events.carried import aware_now
from esputnik_connector.records import Availability

from .links import storefront_url
from .manifest import Line

logger = getLogger(__name__)

UPDATE = BehaviourType.PRODUCT_UPDATE
HUNDRED = Decimal(100)


class Updates:
    """What changed in one feed, for those storefronts that want to tell of it.

    :param storefronts: whose accounts are told; none: nothing is kept.
    """

    def __init__(self, storefronts: Sequence[Storefront] = ()) -> None:
        self.storefronts = storefronts
        self.found = 0
        self._told: list[ViewedProduct] = []  # no more than may be put in line
        self._most = most_at_once()

    @classmethod
    def of(cls, feed: Feed) -> Updates:
        """For the storefronts whose changes this feed tells. One query, two where one wants it."""
        wanting = [one for one in tracked() if one.connection.is_bound_here]
        return cls([one for one in wanting if feed_of(one) == feed])

    def hear(self, before: Line, after: Line) -> None:
        """The same item in the file that is served and in the new one."""
        if not self.storefronts or (changed := changed_of(before, after)) is None:
            return
        self.found += 1
        if len(self._told) < self._most:
            self._told.append(changed)

    def write(self) -> None:
        """Put them in line, in the transaction that publishes. The build counts for more than what
        is told of it: it goes on, whatever goes wrong here."""
        for storefront in self.storefronts if self.found else ():
            try:
                with transaction.atomic(using=router.db_for_write(OutboxMessage)):
                    enqueue(storefront.connection, behaviour_of(self._told), found=self.found)
            except Exception as error:  # a lost key of encryption, a database that is away
                what = without_message(error)
                logger.error("prices and stock are not told to %s: %s", storefront, what)


def tracked() -> list[Storefront]:
    """The storefronts of which changes of price and stock are told."""
    connected = Storefront.objects.connected().select_related("connection")
    return [one for one in connected if one.route_of(UPDATE) is Route.TRACKER]


def feed_of(storefront: Storefront) -> Feed | None:
    """The feed whose builds find a storefront's changes: of those that eSputnik reads and that
    lead to its pages, the oldest. Others, of another language, would tell the same again."""
    feeds = Feed.objects.filter(is_enabled=True, format=FeedFormat.GOOGLE).order_by("pk")
    return next((feed for feed in feeds if _leads_to(feed, storefront)), None)


def _leads_to(feed: Feed, storefront: Storefront) -> bool:
    """A feed that does not know its shop leads to any."""
    host = urlsplit(storefront_url(feed)).netloc.lower()
    return not host or is_host_of(host, storefront.domain)


def changed_of(before: Line, after: Line) -> ViewedProduct | None:
    """What is to be told of an item: its stock always, its price only where it is another one.
    ``None`` when neither changed."""
    was_there, is_there = _is_sold(before), _is_sold(after)
    if before.price == after.price:
        if was_there is is_there:
            return None
        return ViewedProduct(product_key=after.key, is_in_stock=is_there)
    price, regular, currency = after.amounts
    return ViewedProduct(
        product_key=after.key,
        price=price,
        currency=currency,
        is_in_stock=is_there,
        tags=_reduced(price, regular),
    )


def behaviour_of(changed: Iterable[ViewedProduct]) -> list[Behaviour]:
    """One record for each product, under a key of its own: what is noted again while it waits is
    sent once, as it is by then."""
    now = aware_now()
    return [
        Behaviour(type=UPDATE, key=UPDATE.key(one.product_key), happened_at=now, product=one)
        for one in changed
    ]


def _is_sold(item: Line) -> bool:
    """As everywhere: whatever is not sold out can be bought now."""
    return item.availability != Availability.OUT_OF_STOCK.value


def _reduced(price: Decimal, regular: Decimal | None) -> dict[str, tuple[str, ...]]:
    """The tags of a reduced price; none without one (esputnik-api.md#web-tracking)."""
    if regular is None:
        return {}
    percent = round((regular - price) * HUNDRED / regular)
    return {"oldprice": (str(regular),), "discount": (str(percent),)}
