"""What may become of a record, why, and what had to be mended in it."""

from __future__ import annotations

from enum import Enum


class Outcome(str, Enum):
    """What became of one record."""

    DELIVERED = "delivered"
    ACCEPTED = "accepted"  # the destination works on it: ask later
    DEFERRED = "deferred"  # try again later
    REJECTED = "rejected"  # refused for good; kept where a person sees it
    SKIPPED = "skipped"  # nothing to send, for a reason


class Reason(str, Enum):
    """Why a record was skipped, rejected or deferred. Counted and shown, in these words."""

    UNCHANGED = "unchanged"
    GONE = "gone"
    NO_CONTACT_DATA = "no_contact_data"
    ANONYMOUS = "anonymous"
    NEVER_SENT = "never_sent"
    NOT_LIVE = "not_live"
    STATUS_NOT_SENT = "status_not_sent"
    SYNC_OFF = "sync_off"
    NO_CONSENT = "no_consent"
    ERASED = "erased"
    VETOED = "vetoed"
    NOT_WANTED = "not_wanted"
    SOLD_OUT = "sold_out"
    NOT_CHEAPER = "not_cheaper"
    TOO_LATE = "too_late"
    NOT_SUPPORTED = "not_supported"
    REFUSED = "refused"
    REFUSED_AMONG = "refused_among"
    KEY_REFUSED = "key_refused"
    UNBUILDABLE = "unbuildable"
    TOO_LARGE = "too_large"
    UNREACHABLE = "unreachable"
    BUSY = "busy"
    UPLOADING = "importing"
    UPLOAD_FAILED = "import_failed"
    ALREADY_ACCEPTED = "already_accepted"
    NOT_RECORDED = "not_recorded"
    NO_IDENTIFIER = "no_identifier"
    SWITCHED_OFF = "switched_off"
    UNCONFIRMED = "unconfirmed"
    STILL_THERE = "still_there"
    LEFT_OUT = "left_out"
    ORDER_DELETION = "order_deletion"
    NO_PRICE = "no_price"
    NO_SITE = "no_site"
    NO_VISITOR = "no_visitor"
    BY_BROWSER = "by_browser"
    ROBOT = "robot"
    CROWDED_OUT = "crowded_out"
    ORDERED = "ordered"


class Note(str, Enum):
    """A warning that travels with a record: it was sent, but something in it was mended."""

    PHONE_DROPPED = "phone_dropped"
    EMAIL_DROPPED = "email_dropped"
    TEXT_CUT = "text_cut"
    CURRENCY_UNUSUAL = "currency_unusual"
    STATUS_UNMAPPED = "status_unmapped"
    ITEM_DROPPED = "item_dropped"
    TOTAL_DIFFERS = "total_differs"
    DETAILS_DROPPED = "details_dropped"
    ITEM_INCOMPLETE = "item_incomplete"
    NAME_MENDED = "name_mended"
    FIELD_CUT = "field_cut"
    FIELD_DROPPED = "field_dropped"
    DELETION_QUEUED = "deletion_queued"
