"""The heap is put to rest while history is imported, and only by whoever may wake it again."""

from __future__ import annotations

import gc

import pytest

from esputnik_connector.pipeline.backfill.gc_freeze import YOUNG, gc_frozen


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


@pytest.mark.parametrize("young", [700, 10 * YOUNG, 0])
def test_new_objects_are_looked_at_less_often_and_as_before_after_it(young):
    before = gc.get_threshold()
    gc.set_threshold(young, 5, 6)
    try:
        with pytest.raises(ValueError, match="broke off"), gc_frozen():
            assert gc.get_threshold() == (max(young, YOUNG) if young else 0, 5, 6)
            raise ValueError("broke off")
        assert gc.get_threshold() == (young, 5, 6)
    finally:
        gc.set_threshold(*before)


def test_what_somebody_else_put_to_rest_stays_so():
    gc.freeze()
    with gc_frozen():
        pass
    assert gc.get_freeze_count()
