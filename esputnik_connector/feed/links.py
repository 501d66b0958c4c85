"""Addresses: of the storefront, of a feed, and whether a feed can be read from outside."""

from __future__ import annotations

import time
from urllib.parse import urljoin

from django.apps import apps
from django.core.exceptions import ImproperlyConfigured, ObjectDoesNotExist
from django.urls import NoReverseMatch, reverse

from esputnik_connector.conf import conf
from esputnik_connector.destinations.auth import BasicAuth
from esputnik_connector.destinations.base import PreparedRequest
from esputnik_connector.destinations.http import USER_AGENT, HttpClient
from esputnik_connector.exceptions import ConfigurationError, ConnectorError, DestinationError
from esputnik_connector.explanations import gettext as _
from esputnik_connector.feed.formats import writer_of
from esputnik_connector.fields import reveal
from esputnik_connector.models import Feed

CHECK_AGENT = f"{USER_AGENT} (checks its own feed)"


def storefront_url(feed: Feed) -> str:
    """The feed's storefront, without a slash at the end; ``""`` if no setting names it."""
    return str(feed.shop_url).rstrip("/") or shop_address()


def shop_address() -> str:
    """The shop by ``SHOP_URL``, else the current Site; ``""`` if neither says."""
    if conf.SHOP_URL:
        return conf.SHOP_URL.rstrip("/")
    if not apps.is_installed("django.contrib.sites"):
        return ""
    try:
        return f"https://{apps.get_model('sites', 'Site').objects.get_current().domain}"
    except (ImproperlyConfigured, ObjectDoesNotExist):
        return ""


def feed_path(feed: Feed) -> str:
    """The path of the feed's address, with its secret.

    :raises ConfigurationError: the project does not include our addresses.
    """
    try:
        return reverse(
            "esputnik_connector:feed",
            kwargs={
                "token": feed.token,
                "language": feed.language,
                "extension": writer_of(feed.format).EXTENSION,
            },
        )
    except NoReverseMatch as error:
        raise ConfigurationError(
            _(
                "The addresses of the feeds are not in the project. Add to its urls.py, outside "
                "of i18n_patterns: path('esputnik/', include('esputnik_connector.urls'))"
            )
        ) from error


def feed_url(feed: Feed) -> str:
    """The address to paste into eSputnik.

    :raises ConfigurationError: the project does not include our addresses.
    """
    return urljoin(f"{storefront_url(feed)}/", feed_path(feed))


def fetch_trouble(feed: Feed) -> str:
    """Fetch the feed's head through the public host; ``""`` if it came, else what went wrong."""
    try:
        address = feed_url(feed)
        if "://" not in address:
            return _("SHOP_URL is not set, so the address of the feed is not known.")
        _fetch_head(feed, address)
    except DestinationError as error:
        return _("%(address)s cannot be read from here: %(error)s") % {
            "address": storefront_url(feed),
            "error": error,
        }
    except ConnectorError as error:  # no addresses in the project, or a password of a lost key
        return str(error)
    return ""


def _fetch_head(feed: Feed, address: str) -> None:
    client = HttpClient(address, auth=BasicAuth(feed.auth_user, reveal(feed.auth_password)))
    headers = {"User-Agent": CHECK_AGENT, "Accept": "*/*", "Cache-Control": "no-cache"}
    request = PreparedRequest(
        method="HEAD", url=f"{address}?check={time.time_ns()}", headers=headers, body=None
    )
    try:
        client.send(request)
    finally:
        client.close()
