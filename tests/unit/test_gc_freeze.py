"""The heap is put to rest while history is imported, and only by whoever may wake it again."""

from __future__ import annotations

import gc

import pytest

from esputnik_connector.pipeline.backfill.gc_freeze import gc_frozen


@pytest.fixture(autouse=True)
def _awake():
    gc.unfreeze()
    yield
    gc.unfreeze()


def test_it_rests_within_and_not_after():
    with pytest.raises(ValueError, match="broke off"), gc_frozen():
        assert gc.get_freeze_count()
        raise ValueError("broke off")
    assert gc.get_freeze_count() == 0


def test_what_somebody_else_put_to_rest_stays_so():
    gc.freeze()
    with gc_frozen():
        pass
    assert gc.get_freeze_count()
