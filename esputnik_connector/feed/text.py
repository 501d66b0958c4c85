"""Texts of a shop, as a feed may hold them: plain, on one line, without what XML forbids."""

from __future__ import annotations

import html
import re
from xml.sax.saxutils import escape

from esputnik_connector import identity

UNSEEN = re.compile(r"(?is)<(script|style|template)\b.*?(?:</\1\s*>|\Z)|<!--.*?(?:-->|\Z)")
TAG = re.compile(r"</?[a-zA-Z][^<>]*>|<[!?][^<>]*>")
FORBIDDEN = re.compile(
    "[^\t\n\r\u0020-\ud7ff\ue000-\ufdcf\ufdf0-\ufffd\U00010000-\U0001fffd\U00020000-\U0010fffd]"
)
LONGEST_SOURCE = 200_000  # characters looked at; forty times what is kept


def plain(value: str) -> str:
    """HTML as text: tags become spaces, entities characters. Markdown is text and stays as it is.

    A ``<`` that opens no tag stays a ``<``.
    """
    value = value[:LONGEST_SOURCE]
    if "<" in value:
        value = TAG.sub(" ", UNSEEN.sub(" ", value))
    if "&" in value:
        value = html.unescape(value)
    return identity.one_line(value)


def xml(value: str) -> str:
    """``value`` as XML text or attribute, whatever it holds."""
    if not value.isprintable():
        value = FORBIDDEN.sub("", value)
    return escape(value, {'"': "&quot;"}) if '"' in value else escape(value)
