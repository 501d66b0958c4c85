"""Every text a person reads is translatable, and the Ukrainian catalogue is complete."""

from __future__ import annotations

import gettext
import io
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from babel.messages.catalog import Catalog
from babel.messages.extract import extract
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po
from django.utils.translation.template import templatize

PACKAGE = Path(__file__).resolve().parents[2] / "esputnik_connector"
KEYWORDS = {
    "_": None,
    "gettext": None,
    "gettext_lazy": None,
    "gettext_noop": None,
    "ngettext": (1, 2),
    "ngettext_lazy": (1, 2),
    "pgettext": ((1, "c"), 2),
    "pgettext_lazy": ((1, "c"), 2),
}
PLACEHOLDER = re.compile(r"%\(\w+\)[a-z]|%[sd]|\{\w*\}")
Message = tuple[str, ...]


def texts() -> Iterator[tuple[str, str | Message, str | None]]:
    for path in sorted(PACKAGE.rglob("*")):
        if path.suffix == ".py":
            source = path.read_text(encoding="utf-8")
        elif path.suffix in (".html", ".txt") and "templates" in path.parts:
            source = templatize(path.read_text(encoding="utf-8"), origin=str(path))
        else:
            continue
        stream = io.BytesIO(source.encode())
        for _line, message, _comments, context in extract("python", stream, KEYWORDS):
            if message:
                yield str(path.relative_to(PACKAGE)), message, context


def read(language: str) -> Catalog:
    path = PACKAGE / "locale" / language / "LC_MESSAGES" / "django.po"
    with path.open("rb") as source:
        return read_po(source, locale=language)


@pytest.fixture(scope="module")
def ukrainian() -> Catalog:
    return read("uk")


def id_of(message: str | Message) -> str:
    return message if isinstance(message, str) else message[0]


@pytest.mark.parametrize("language", ["en", "uk"])
def test_every_text_is_in_the_catalogue(language):
    catalog = read(language)
    missing = [
        (path, message)
        for path, message, context in texts()
        if catalog.get(id_of(message), context) is None
    ]
    assert missing == [], "run: make messages"


def test_every_text_is_translated_into_ukrainian(ukrainian):
    untranslated = [
        entry.id
        for entry in ukrainian
        if entry.id
        and (entry.fuzzy or not all(entry.string if entry.pluralizable else [entry.string]))
    ]
    assert untranslated == []


def test_the_catalogue_has_no_text_that_is_gone(ukrainian):
    alive = {id_of(message) for _path, message, _context in texts()}
    ids = {id_of(entry.id) for entry in ukrainian}
    assert ids - alive - {""} == set()


def test_translations_keep_their_placeholders(ukrainian):
    changed = []
    for entry in ukrainian:
        originals = entry.id if entry.pluralizable else (entry.id,)
        strings = entry.string if entry.pluralizable else (entry.string,)
        wanted = {name for text in originals for name in PLACEHOLDER.findall(text)}
        changed += [
            (text, string)
            for text, string in zip(originals, strings, strict=False)
            if entry.id and not set(PLACEHOLDER.findall(string)) <= wanted
        ]
    assert changed == []


@pytest.mark.parametrize("language", ["en", "uk"])
def test_the_compiled_catalogue_is_that_of_the_texts(language):
    compiled = io.BytesIO()
    write_mo(compiled, read(language))
    compiled.seek(0)
    path = PACKAGE / "locale" / language / "LC_MESSAGES" / "django.mo"
    with path.open("rb") as stored:
        stored_texts = gettext.GNUTranslations(stored)._catalog
    texts_now = gettext.GNUTranslations(compiled)._catalog
    stored_texts.pop("", None)
    texts_now.pop("", None)
    assert stored_texts == texts_now, "run: make messages"
