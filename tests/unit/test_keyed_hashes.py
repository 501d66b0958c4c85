"""Keyed hashes are plain HMACs, as the rows of earlier versions hold them."""

from __future__ import annotations

import hashlib
import hmac
from concurrent.futures import ThreadPoolExecutor

import pytest
from hypothesis import given
from hypothesis import strategies as st

from esputnik_connector import keyed_hashes as module
from esputnik_connector.keyed_hashes import keyed_hash

TEXT = st.text(st.characters(exclude_categories=["Cs"]))


@given(text=TEXT, key=TEXT)
def test_it_is_what_the_standard_library_says(text, key):
    expected = hmac.digest(key.encode(), text.encode(), "sha256").hex()
    assert keyed_hash(text, key=key) == expected


@pytest.mark.parametrize("length", [0, 1, 63, 64, 65, 200])
def test_keys_of_any_length_are_taken(length):
    key = "s" * length
    assert keyed_hash("a", key=key) == hmac.digest(key.encode(), b"a", "sha256").hex()


def test_it_agrees_with_a_published_vector():
    """RFC 4231, test case 2."""
    published = "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"
    assert keyed_hash("what do ya want for nothing?", key="Jefe") == published


def test_a_text_leaves_nothing_behind_for_the_next():
    first = keyed_hash("first", key="salt")
    assert keyed_hash("second", key="salt") != first
    assert keyed_hash("first", key="salt") == first


def test_threads_share_a_key_and_no_state():
    texts = [f"buyer{number}@example.com" for number in range(200)]
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(lambda text: keyed_hash(text, key="shared"), texts))
    assert found == [hmac.digest(b"shared", one.encode(), "sha256").hex() for one in texts]


def test_a_key_is_prepared_once_for_many_texts(monkeypatch):
    """With a counting double of the hash: two states for the key, and none for each text."""
    made = []

    class Counting:
        @staticmethod
        def sha256(*given):
            made.append(given)
            return hashlib.sha256(*given)

    monkeypatch.setattr(module, "hashlib", Counting)
    module._begun.cache_clear()
    for number in range(50):
        keyed_hash(f"text {number}", key="one key")
    module._begun.cache_clear()
    assert len(made) == 2
