"""What a worker may write down is said by ``explanations.gettext``, in every room it works in."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from esputnik_connector.fields import ExplanationField
from esputnik_connector.models import (
    Attempt,
    Backfill,
    Connection,
    FeedBuild,
    Lane,
    OutboxMessage,
    StorefrontStep,
)

PACKAGE = Path(__file__).resolve().parents[2] / "esputnik_connector"
ROOMS = ("pipeline", "destinations", "shops", "feed", "operations/storefront")
DJANGOS = re.compile(r"^from django\.utils\.translation import gettext as _$", re.MULTILINE)


def test_no_worker_speaks_by_djangos_own() -> None:
    files = [path for room in ROOMS for path in (PACKAGE / room).rglob("*.py")]
    assert len(files) > 100
    strange = [str(path) for path in files if DJANGOS.search(path.read_text())]
    assert not strange, "from esputnik_connector.explanations import gettext as _"


@pytest.mark.parametrize(
    ("model", "name"),
    [
        (Attempt, "detail"),
        (Backfill, "detail"),
        (Connection, "pause_detail"),
        (FeedBuild, "detail"),
        (Lane, "pause_detail"),
        (OutboxMessage, "detail"),
        (StorefrontStep, "detail"),
    ],
)
def test_what_a_worker_writes_is_read_in_the_readers_language(model, name) -> None:
    assert isinstance(model._meta.get_field(name), ExplanationField)
