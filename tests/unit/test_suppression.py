"""Whether a record belongs to somebody who was deleted."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

import pytest

from esputnik_connector.identity import fingerprint
from esputnik_connector.models import Tombstone
from esputnik_connector.pipeline.delivery.prepare.suppression import Suppression
from esputnik_connector.records import Contact

SALT = "a salt"
NOON = datetime(2026, 3, 1, 12, tzinfo=timezone.utc)


@pytest.mark.parametrize("has_zones", [True, False])
@pytest.mark.parametrize(("joined", "is_held"), [(-1, True), (1, False)])
def test_who_registers_after_the_deletion_is_somebody_new(settings, has_zones, joined, is_held):
    """Also where the database gives moments without a zone."""
    settings.USE_TZ, settings.TIME_ZONE = has_zones, "UTC"
    deleted = NOON if has_zones else NOON.replace(tzinfo=None)
    key = fingerprint("7", salt=SALT)
    suppression = Suppression([SALT], {key: Tombstone(fingerprint=key, created_at=deleted)})
    contact = Contact(key="7", email="a@example.com", joined_at=NOON + timedelta(hours=joined))
    assert suppression.holds(contact, None) is is_held
