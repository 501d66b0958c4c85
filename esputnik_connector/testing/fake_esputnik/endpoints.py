"""Which endpoint answers which call."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from . import account_endpoints as account
from . import contact_endpoints as contacts
from . import event_endpoints as events
from . import import_endpoints as batches
from . import site_endpoints as site
from .exchange import Answer, Call
from .state import State

Endpoint = Callable[[State, Call], Answer]
VERSIONS = ("v1", "v2", "v3")

ENDPOINTS: Mapping[tuple[str, str], Endpoint] = {
    ("GET", "/api/v1/account/info"): account.account_info,
    ("GET", "/api/v1/addressbooks"): account.address_books,
    ("GET", "/api/v1/groups"): account.groups,
    ("GET", "/api/v1/subscriptions"): account.categories,
    ("GET", "/api/v1/workflows"): account.workflows,
    ("POST", "/api/v1/contact"): contacts.add_contact,
    ("DELETE", "/api/v1/contact"): contacts.delete_by_external_id,
    ("GET", "/api/v1/contact/{id}"): contacts.get_contact,
    ("PUT", "/api/v1/contact/{id}"): contacts.put_contact,
    ("DELETE", "/api/v1/contact/{id}"): contacts.delete_contact,
    ("GET", "/api/v1/contact/{id}/subscriptions"): contacts.contact_subscriptions,
    ("PUT", "/api/v1/contact/{id}/subscriptions"): contacts.put_contact_subscriptions,
    ("POST", "/api/v1/contact/subscribe"): contacts.subscribe,
    ("POST", "/api/v1/auth/contact/token"): contacts.contact_token,
    ("GET", "/api/v1/contacts"): contacts.search_contacts,
    ("GET", "/api/v1/contacts/email"): contacts.contact_emails,
    ("POST", "/api/v1/emails/unsubscribed/add"): contacts.unsubscribe_emails,
    ("POST", "/api/v1/emails/unsubscribed/delete"): contacts.resubscribe_emails,
    ("POST", "/api/v1/contacts"): batches.add_contacts,
    ("GET", "/api/v1/importstatus/{sessionId}"): batches.import_status,
    ("POST", "/api/v1/orders"): batches.add_orders,
    ("DELETE", "/api/v1/orders"): batches.delete_orders,
    **{("POST", f"/api/{version}/event"): events.add_event for version in VERSIONS},
    **{("POST", f"/api/{version}/past_events"): events.add_past_events for version in VERSIONS},
    ("POST", "/api/v2"): events.track,
    ("GET", "/api/v1/site/domains"): site.domains,
    ("POST", "/api/v1/site/domains"): site.add_domain,
    ("GET", "/api/v1/site/script"): site.site_script,
    ("POST", "/api/v1/site/webpush/domain"): site.add_web_push,
    ("POST", "/api/v1/site/webpush/domains"): site.add_web_push_domains,
    ("GET", "/api/v1/site/webpush/domains"): site.web_push_domains,
    ("DELETE", "/api/v1/site/webpush/domains"): site.delete_web_push,
    ("GET", "/api/v1/site/webpush/script"): site.web_push_script,
    ("GET", "/api/v1/products/config"): site.feeds,
    ("POST", "/api/v1/products/config"): site.configure_feeds,
}
