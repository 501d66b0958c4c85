"""The endpoints of eSputnik that the connector calls; one method each.

What eSputnik documents of them stands in ``docs/reference/esputnik-api.md``; each method cites its
section. Authentication is HTTP Basic with any user name and the API key as password
(esputnik-api.md#authentication).
"""

from __future__ import annotations

from dataclasses import replace
from urllib.parse import quote

from esputnik_connector.destinations.base import PreparedRequest
from esputnik_connector.destinations.http import HttpClient
from esputnik_connector.destinations.responses import Answer
from esputnik_connector.exceptions import RejectedError, TemporaryError
from esputnik_connector.explanations import gettext as _
from esputnik_connector.records import JSONObject, JSONValue

from .behaviour.event import nested_as_text
from .behaviour.tracker_client import TrackerClient
from .rehearsal import Sender

LABEL = "eSputnik"
DEFAULT_URL = "https://esputnik.com/api"
USER = "user"  # any name will do
WORKFLOWS_PER_PAGE = 500  # the largest page (esputnik-api.md#workflows)


class EsputnikClient:
    """A method per endpoint. Takes and returns JSON as the contract spells it.

    :param event_version: of the calls about events (esputnik-api.md#event-versions).
    :param nests_as_text: objects among the parameters of behaviour go as JSON in a text.
    :param tracker: takes behaviour; ``None`` where none is sent.
    """

    def __init__(
        self,
        http: HttpClient,
        *,
        sender: Sender | None = None,
        event_version: str = "v3",
        nests_as_text: bool = False,
        tracker: TrackerClient | None = None,
    ) -> None:
        self._http = http
        self.tracker = tracker
        self._nests_as_text = nests_as_text
        self._sender = sender or http
        self._version = event_version

    def account_info(self) -> Answer:
        """``GET /v1/account/info``: whose key it is (esputnik-api.md#account-info)."""
        return self._sender.send(self._http.prepared("GET", "v1/account/info"))

    def add_contact(self, contact: JSONObject) -> Answer:
        """``POST /v1/contact``: add or update one; starts no workflow
        (esputnik-api.md#contact-add)."""
        return self._post("v1/contact", contact)

    def subscribe(self, body: JSONObject) -> Answer:
        """``POST /v1/contact/subscribe``: a new address is stored unconfirmed; raises an event
        (esputnik-api.md#contact-subscribe)."""
        return self._post("v1/contact/subscribe", body)

    def contact_token(self, key: str, *, name: str = "externalCustomerId") -> Answer:
        """``POST /v1/auth/contact/token``: for the app inbox of one contact. By the shop's id
        alone: by an e-mail or a phone it might be another contact's
        (esputnik-api.md#inbox-token)."""
        body: JSONObject = {name: key}
        return self._sender.send(self._http.prepared("POST", "v1/auth/contact/token", body=body))

    def add_contacts(self, body: JSONObject) -> Answer:
        """``POST /v1/contacts``: add or update many, asynchronously
        (esputnik-api.md#contacts-bulk)."""
        return self._post("v1/contacts", body)

    def import_status(self, session: str) -> Answer:
        """``GET /v1/importstatus/{session}``: how far an import got
        (esputnik-api.md#import-status)."""
        path = f"v1/importstatus/{quote(session, safe='')}"
        return self._sender.send(self._http.prepared("GET", path))

    def search_by_external_id(self, external_id: str) -> Answer:
        """``GET /v1/contacts``: nothing else may stand beside the external id
        (esputnik-api.md#contact-search)."""
        query = {"externalCustomerId": external_id}
        return self._sender.send(self._http.prepared("GET", "v1/contacts", query=query))

    def search_by_email(self, email: str) -> Answer:
        """``GET /v1/contacts``: the search is not exact, so whoever asks must look whether the
        answer is what was asked for (esputnik-api.md#contact-search)."""
        query = {"email": email, "startindex": "1", "maxrows": "10"}
        return self._sender.send(self._http.prepared("GET", "v1/contacts", query=query))

    def contact(self, number: str) -> Answer:
        """``GET /v1/contact/{id}``: all of a contact, by eSputnik's own number
        (esputnik-api.md#contact-by-id)."""
        return self._sender.send(self._http.prepared("GET", _by_number(number)))

    def delete_contact(self, external_customer_id: str, *, erase: bool) -> Answer:
        """``DELETE /v1/contact``: erase a person, or only mark as deleted
        (esputnik-api.md#contact-delete)."""
        query = {"externalCustomerId": external_customer_id, "erase": _word(erase)}
        return self._sender.send(self._http.prepared("DELETE", "v1/contact", query=query))

    def delete_by_number(self, number: str, *, erase: bool) -> Answer:
        """``DELETE /v1/contact/{id}``: the same, of whoever has no external id there
        (esputnik-api.md#contact-delete)."""
        query = {"erase": _word(erase)}
        return self._sender.send(self._http.prepared("DELETE", _by_number(number), query=query))

    def add_orders(self, orders: list[JSONObject]) -> Answer:
        """``POST /v1/orders``: add or update; each order raises an event
        (esputnik-api.md#orders-add)."""
        return self._post("v1/orders", {"orders": [*orders]})

    def delete_order(self, number: str) -> Answer:
        """``DELETE /v1/orders``: accepted at once, done later, and nothing tells when
        (esputnik-api.md#orders-delete).

        :raises TemporaryError: also for 404 and 405 that do not speak of the order.
        """
        query = {"externalOrderId": number}
        return self._sent(self._http.prepared("DELETE", "v1/orders", query=query))

    def generate_event(self, event: JSONObject) -> Answer:
        """``POST /v3/event``, or that of another version (esputnik-api.md#event-send)."""
        return self._post(f"{self._version}/event", self._versioned(event))

    def add_past_events(self, events: list[JSONObject]) -> Answer:
        """``POST /v3/past_events``, or that of another version: dated events that start no
        workflow (esputnik-api.md#past-events)."""
        versioned: list[JSONValue] = [self._versioned(event) for event in events]
        return self._post(f"{self._version}/past_events", {"events": versioned})

    def _versioned(self, event: JSONObject) -> JSONObject:
        """The parameters: from v3 on a plain object, before that a list of name and value."""
        if self._nests_as_text:
            event = nested_as_text(event)
        params = event["params"]
        if self._version == "v3" or not isinstance(params, dict):
            return event
        pairs: list[JSONValue] = [{"name": name, "value": params[name]} for name in params]
        return {**event, "params": pairs}

    def feeds(self) -> Answer:
        """``GET /v1/products/config``: the product feeds (esputnik-api.md#feed-registration)."""
        return self._sender.send(self._http.prepared("GET", "v1/products/config"))

    def configure_feeds(self, feeds: list[JSONObject]) -> Answer:
        """``POST /v1/products/config``: the whole list anew
        (esputnik-api.md#feed-registration)."""
        return self._post("v1/products/config", {"feeds": [*feeds]})

    def site_domains(self) -> Answer:
        """``GET /v1/site/domains``: at most one (esputnik-api.md#site-domains)."""
        return self._sender.send(self._http.prepared("GET", "v1/site/domains"))

    def add_site_domain(self, domain: str) -> Answer:
        """``POST /v1/site/domains``: 201 for a new domain, 200 for a known one
        (esputnik-api.md#site-domains)."""
        body: JSONObject = {"domain": domain}
        return self._sender.send(self._http.prepared("POST", "v1/site/domains", body=body))

    def site_script(self) -> Answer:
        """``GET /v1/site/script``: a snippet of HTML, as text (esputnik-api.md#site-script)."""
        request = self._http.prepared("GET", "v1/site/script")
        headers = {**request.headers, "Accept": "text/plain"}
        return self._sender.send(replace(request, headers=headers))

    def push_domains(self) -> Answer:
        """``GET /v1/site/webpush/domains``: those with web push (esputnik-api.md#web-push)."""
        return self._sender.send(self._http.prepared("GET", "v1/site/webpush/domains"))

    def add_push_domain(self, body: JSONObject) -> Answer:
        """``POST /v1/site/webpush/domain``: flat; a success may hold an error
        (esputnik-api.md#web-push)."""
        return self._post("v1/site/webpush/domain", body)

    def push_script(self, domain: str) -> Answer:
        """``GET /v1/site/webpush/script``: of a domain as it was registered
        (esputnik-api.md#web-push)."""
        query = {"domain": domain}
        return self._sender.send(self._http.prepared("GET", "v1/site/webpush/script", query=query))

    def delete_push_domain(self, domain: str) -> Answer:
        """``DELETE /v1/site/webpush/domains``: of a domain as it was registered
        (esputnik-api.md#web-push)."""
        query = {"domain": domain}
        return self._sender.send(
            self._http.prepared("DELETE", "v1/site/webpush/domains", query=query)
        )

    def address_books(self) -> Answer:
        """``GET /v1/addressbooks``: the additional fields (esputnik-api.md#addressbooks)."""
        return self._sender.send(self._http.prepared("GET", "v1/addressbooks"))

    def workflows(self, *, start: int) -> Answer:
        """``GET /v1/workflows``: 500 from the one of this number on (esputnik-api.md#workflows)."""
        query = {"startindex": str(start), "maxrows": str(WORKFLOWS_PER_PAGE)}
        return self._sender.send(self._http.prepared("GET", "v1/workflows", query=query))

    def close(self) -> None:
        self._http.close()
        if self.tracker is not None:
            self.tracker.close()

    def _post(self, path: str, body: JSONObject) -> Answer:
        return self._sent(self._http.prepared("POST", path, body=body))

    def _sent(self, request: PreparedRequest) -> Answer:
        """:raises TemporaryError: also for 404 and 405, which none of these endpoints documents:
        then the address is wrong, and no record is to blame."""
        try:
            return self._sender.send(request)
        except RejectedError as error:
            if error.status not in (404, 405) or is_unknown_order(error):
                raise
            message = _("No such endpoint; is the API address right? %(why)s") % {"why": error}
            raise TemporaryError(message, status=error.status, was_received=True) from error


def _by_number(number: str) -> str:
    return f"v1/contact/{quote(number, safe='')}"


def _word(erase: bool) -> str:
    """1 and 0 are not documented."""
    return "true" if erase else "false"


def is_unknown_order(error: RejectedError) -> bool:
    """The order is not there (any more), which is what its deletion is for. Not documented, so the
    words must say so (esputnik-api.md#orders-delete)."""
    words = str(error).lower()
    return "order" in words and ("not found" in words or "not exist" in words)
