"""How this account behaves when nothing is scripted."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from functools import cache
from typing import Any, Literal, get_args, get_origin, get_type_hints


def _fields() -> tuple[dict[str, Any], ...]:
    levels = {"possibleValues": ["silver", "gold"]}
    return (
        {"id": 10001, "name": "Birthday", "type": "DATE"},
        {"id": 10002, "name": "Loyalty level", "type": "COMBOBOX", "allowedValues": levels},
        {"id": 10003, "name": "Note", "type": "TEXTFIELD"},
    )


@dataclass(frozen=True, kw_only=True)
class Settings:
    """Defaults are what eSputnik's document says of a new account."""

    key: str = "fake-key"
    organisation: str = "Fake organisation"
    has_state_page: bool = True

    # --- pace
    # Requests per second and account before 429; 0 = no limit.
    rate: int = 0
    # Seconds in the Retry-After of that 429; None = no such header, as the document knows it.
    retry_after: float | None = None
    retry_after_as_date: bool = False
    # The same body to the same path within so many seconds is a 409; 0 = guard off.
    duplicate_seconds: float = 60.0
    # Where: the calls that declare a 409, or all of them, as the vendor's connectors fear.
    duplicate_scope: Literal["documented", "everywhere"] = "documented"

    # --- the form of answers
    # A list of one element is a bare object: where the document says so, everywhere, or nowhere.
    lists_of_one: Literal["documented", "objects", "lists"] = "documented"
    # What a search answers: BaseContact (id, names, channels, fields), or the whole contact.
    search_answers: Literal["base", "full"] = "base"
    # Nothing, not even a page, may stand beside externalCustomerId in a search.
    search_by_id_alone: bool = True
    # /v1/addressbooks writes numbers and booleans as texts, and types in small letters.
    addressbook_as_text: bool = True

    # --- contacts
    # A first or last name of a wrong form: its person is refused, it is not stored, it is stored.
    bad_names: Literal["refuse", "drop", "store"] = "refuse"
    # Values of an order's additionalInfo are texts, or numbers as well.
    additional_info: Literal["text", "any"] = "text"
    # The same for the names in an order, of which the document says less.
    bad_order_names: Literal["refuse", "drop", "store"] = "drop"
    # The additional fields of the account: id, name, type, and what the document knows besides.
    additional_fields: tuple[Mapping[str, Any], ...] = field(default_factory=_fields)
    # Values of fields that the account does not have.
    unknown_fields: Literal["drop", "store"] = "store"
    # POST /v1/contact looks by e-mail and phone when it does not know the external id.
    contact_searches_again: bool = True
    # So does POST /v1/contacts with dedupeOn externalCustomerId, which is not documented.
    import_searches_again: bool = False
    # POST /v1/contact, /v1/contacts and /v1/orders confirm an address that waits for it.
    update_confirms: bool = False
    # Keys of the subscription categories of the account.
    categories: tuple[str, ...] = ()

    # --- imports
    # An import is finished after this many unfinished polls AND this many seconds.
    import_polls: int = 2
    import_seconds: float = 0.0
    # In which order imports that are open at the same time are worked off.
    import_order: Literal["sent", "reversed"] = "sent"

    # --- orders and events
    # Seconds until DELETE /v1/orders has done its work.
    order_deletion_seconds: float = 0.0
    # Whether the merchant has clicked every event type on for segmentation; a new one is off.
    segmentation: bool = False
    # Event types that differ from that.
    segmentation_by_type: Mapping[str, bool] = field(default_factory=dict)
    # How many days ago a past event may have occurred; None = however long.
    past_event_days: float | None = None
    # What POST /v3/past_events answers is not documented.
    past_events_v3_answer: Literal["results", "empty", "text"] = "results"

    # --- the site and the account
    # What the tracker answers to an event that it takes: 204 in an older text.
    tracker_status: Literal[200, 204] = 200
    # POST /v1/products/config replaces the list of feeds, or adds to it.
    feeds_are_replaced: bool = True
    # A domain that is known already: 200, or the 400 that older connectors met.
    known_domain: Literal["exists", "refused"] = "exists"
    # GET /v1/site/domains also tells the siteId.
    domains_tell_site_id: bool = False
    # Domains that eSputnik cannot reach.
    unreachable_domains: tuple[str, ...] = ()
    # What GET /v1/site/script answers in the place of the usual snippet.
    site_script: str = ""
    # What stands in the place of the usual service worker of web push.
    push_worker: str = ""
    # The shape of GET /v1/site/webpush/domains is not documented.
    push_domains_listed: Literal["objects", "hosts"] = "objects"
    # id, name, status, tags of each.
    workflows: tuple[Mapping[str, Any], ...] = ()

    def patched(self, changes: Mapping[str, Any]) -> Settings:
        """A copy with ``changes``; ValueError for an unknown name or a value of a wrong type."""
        known = _types()
        for name, value in changes.items():
            if name not in known:
                raise ValueError(f"Unknown setting {name!r}. Known: {', '.join(sorted(known))}.")
            if not _fits(known[name], value):
                raise ValueError(f"Setting {name!r} cannot be {value!r}.")
        lists = {name: tuple(value) for name, value in changes.items() if isinstance(value, list)}
        return replace(self, **{**changes, **lists})

    def is_segmented(self, event_type: str) -> bool:
        """Whether the merchant switched the type on for segmentation."""
        return self.segmentation_by_type.get(event_type, self.segmentation)


@cache
def _types() -> dict[str, Any]:
    hints = get_type_hints(Settings)
    return {entry.name: hints[entry.name] for entry in fields(Settings)}


def _fits(kind: Any, value: object) -> bool:
    origin, parts = get_origin(kind), get_args(kind)
    if kind is float:
        return isinstance(value, (int, float)) and not isinstance(value, bool)
    if origin is None:
        return type(value) is kind
    if origin is Literal:
        return value in parts
    if origin is tuple:
        return isinstance(value, (list, tuple)) and all(_fits(parts[0], one) for one in value)
    if origin is Mapping:
        return isinstance(value, Mapping)
    return any(_fits(part, value) for part in parts)
