"""What the account tells of itself."""

from __future__ import annotations

from tests.contracts.wire import Caller


def test_the_catalogue_of_fields_shows_its_ids_as_texts(call: Caller) -> None:
    group = call("GET", "/v1/addressbooks").json()["addressBook"]["fieldGroups"][0]

    assert group["fields"][0]["id"] == "10001"
