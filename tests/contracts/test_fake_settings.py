"""How an account is set, and where the default is not what the document says."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

import pytest

from esputnik_connector.testing.fake_esputnik import FakeEsputnik, Settings
from tests.contracts.wire import Caller, contact


def test_nobody_has_clicked_anything_in_a_new_account() -> None:
    assert not Settings().is_segmented("orderCreated")
    assert Settings(segmentation_by_type={"orderCreated": True}).is_segmented("orderCreated")


def test_every_setting_can_be_changed_to_what_it_is() -> None:
    settings = Settings()

    assert settings.patched(asdict(settings)) == settings


@pytest.mark.parametrize(
    "changes",
    [
        {"speed": 1},
        {"rate": "fast"},
        {"rate": True},
        {"import_seconds": "1"},
        {"retry_after": "soon"},
        {"lists_of_one": "sometimes"},
        {"categories": "news"},
        {"categories": [1]},
        {"workflows": ["one"]},
        {"segmentation_by_type": ["orderCreated"]},
        {"segmentation": "off"},
    ],
)
def test_a_setting_has_a_type(fake: FakeEsputnik, changes: dict[str, Any]) -> None:
    (name,) = changes
    with pytest.raises(ValueError, match=name):
        fake.configure(**changes)


def test_a_setting_of_numbers_may_be_whole_or_none(fake: FakeEsputnik) -> None:
    fake.configure(import_seconds=1, retry_after=None, past_event_days=30)

    assert (fake.settings.import_seconds, fake.settings.past_event_days) == (1, 30)


def test_settings_end_with_a_reset(fake: FakeEsputnik, call: Caller) -> None:
    fake.configure(additional_fields=[], categories=["news"])
    call("POST", "/v1/contact", contact("7", email="a@b.example"))
    fake.reset()

    assert fake.settings == Settings()
    assert (fake.addresses, fake.all_contacts) == ({}, [])
