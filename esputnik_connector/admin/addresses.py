"""Keys of records in the addresses of pages. A shop may call a record anything."""

from __future__ import annotations

import re
from urllib.parse import quote, unquote

from django.urls import register_converter

# What a path cannot hold, or what browsers and proxies change in one: a line break, “//”, “..”.
CHANGED = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029%/\\]|^\.+\Z")


class KeyInAddress:
    """Of :data:`KEY`: any text but an empty one. A key of letters, digits and the like
    stands in the address as it is."""

    regex = ".+"

    def to_python(self, value: str) -> str:
        return unquote(value)

    def to_url(self, value: str) -> str:
        return CHANGED.sub(lambda found: _escaped(found[0]), str(value))


def _escaped(text: str) -> str:
    return quote(text, safe="").replace(".", "%2E")  # quote() never touches a dot


KEY = "<esputnik_key:key>"
register_converter(KeyInAddress, "esputnik_key")
