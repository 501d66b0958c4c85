"""The app inbox: a token by which a customer's own browser reads the messages of theirs.

Here, and nowhere else, somebody's request waits for the platform. So it waits for a short while
only, not again for a while after that was in vain, and nothing but an inbox comes of it.
"""

from __future__ import annotations

from contextlib import closing
from logging import getLogger

from django.core.cache import cache
from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed, JsonResponse
from django.utils.translation import gettext as _

from esputnik_connector import registry
from esputnik_connector.destinations.deadline import patience
from esputnik_connector.exceptions import ConnectorError, RejectedError, without_message
from esputnik_connector.models import Connection, Storefront

from .customer import NOBODY, customer_of
from .limits import is_over
from .origin import asked_host, is_same_origin

PATIENCE = 2.5  # seconds; the page is shown already, but a process of the web server waits
REST = 30  # seconds without a question after one that was in vain
PER_CUSTOMER = 60  # tokens an hour

logger = getLogger(__name__)


def respond(request: HttpRequest) -> HttpResponse:
    """The token of whoever is logged in. What the request says of a person is not even read."""
    if request.method != "POST":
        return HttpResponseNotAllowed(["POST"])
    if not is_same_origin(request):
        return _refusal(_("Only a page of this site may ask."), status=403)
    storefront = Storefront.objects.for_host(asked_host(request))
    if storefront is None or not storefront.is_inbox:
        return _refusal(_("There is no inbox here."), status=404)
    key = customer_of(request).contact_key
    if key == NOBODY.contact_key:
        return _refusal(_("Log in to read your messages."), status=403)
    if is_over("inbox", f"{storefront.connection_id}:{key}", most=PER_CUSTOMER):
        return _refusal(_("There were too many questions. Try again in an hour."), status=429)
    return _told(storefront.connection, key)


def _told(connection: Connection, key: str) -> HttpResponse:
    rest = f"esputnik:inbox-rest:{connection.pk}"
    is_silent = connection.paused_at is not None or not connection.is_bound_here
    if is_silent or _is_kept(rest):
        return _later()
    try:
        with closing(registry.destination(connection)) as destination, patience(PATIENCE):
            if not destination.supports_inbox:
                return _refusal(_("There is no inbox here."), status=404)
            token = destination.inbox_token(key)
    except RejectedError as error:
        logger.info("no inbox for contact %s: %s", key, without_message(error))
        return _refusal(_("There are no messages for you yet."), status=404)
    except ConnectorError as error:
        logger.warning("connection %s tells no inbox token: %s", connection, without_message(error))
        _keep(rest)
        return _later()
    return JsonResponse({"token": token})


def _later() -> HttpResponse:
    answer = _refusal(_("Your messages cannot be shown now."), status=503)
    answer["Retry-After"] = str(REST)
    return answer


def _refusal(text: str, *, status: int) -> HttpResponse:
    return JsonResponse({"error": text}, status=status)


def _is_kept(name: str) -> bool:
    try:
        return cache.get(name) is not None
    except Exception as error:  # of whatever library the project's cache is made with
        logger.error("the cache is away (%s)", type(error).__name__)
        return False


def _keep(name: str) -> None:
    try:
        cache.set(name, True, REST)
    except Exception as error:  # as above
        logger.error("the cache is away (%s)", type(error).__name__)
