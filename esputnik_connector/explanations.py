"""Sentences that a worker writes down and that somebody else reads, in a language of their own.

:func:`gettext` is Django's, but what it answers remembers its code (the English sentence) and,
after ``%``, its parameters. An ``ExplanationField`` of :mod:`esputnik_connector.fields` stores
these, and makes the sentence anew, in the language of whoever reads the row::

    from esputnik_connector.explanations import gettext as _

    lane.pause_detail = _("Answered %(status)d: %(words)s") % {"status": 503, "words": "busy"}

What is joined from pieces by other means is plain text, and stays in the language of the worker.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

from django.utils import translation

BEGINNING = '{"code": '  # of a stored one; a destination's own JSON does not begin so by chance

Params = Mapping[str, Any] | tuple[Any, ...] | None


class Explanation(str):
    """A sentence that knows what it was made of. Everywhere else it is the text that it is."""

    code: str
    params: Params

    def __new__(cls, text: str, code: str = "", params: Params = None) -> Explanation:
        made = super().__new__(cls, text)
        made.code, made.params = code, params
        return made

    def __str__(self) -> Explanation:
        """Itself, so that it passes through an exception unchanged."""
        return self

    def __mod__(self, params: Any) -> Explanation:
        if isinstance(params, Mapping):
            given: Params = {name: _plain(value) for name, value in params.items()}
        else:
            values = params if isinstance(params, tuple) else (params,)
            given = tuple(map(_plain, values))
        return Explanation(str.__mod__(self, params), self.code, given)

    def mapped(self, clean: Callable[[str], str]) -> Explanation:
        """The same of cleaned parameters and a cleaned text."""
        params = self.params
        if isinstance(params, Mapping):
            params = {name: _mapped(value, clean) for name, value in params.items()}
        elif params is not None:
            params = tuple(_mapped(value, clean) for value in params)
        return Explanation(clean(_text(self)), self.code, params)


def gettext(message: str) -> Explanation:
    """The sentence in the present language, and what it takes to say it in another one."""
    return Explanation(translation.gettext(message), message)


def stored(text: str) -> str:
    """As a column holds it: code and parameters of an explanation, any other text as it is."""
    if not isinstance(text, Explanation) or not text.code:
        return _text(text)
    return json.dumps(_as_json(text), ensure_ascii=False)


def read(column: str) -> str:
    """What :func:`stored` wrote, in the present language. A text of a former version, or of a
    destination, as it stands."""
    if not column.startswith(BEGINNING):
        return column
    try:
        return _made(json.loads(column))
    except (ValueError, KeyError, TypeError, IndexError):
        return column


def _plain(value: Any) -> Any:
    """What JSON can hold. An exception stands for its text, which may be an explanation too."""
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    return str(value)


def _mapped(value: Any, clean: Callable[[str], str]) -> Any:
    if isinstance(value, Explanation):
        return value.mapped(clean)
    return clean(value) if isinstance(value, str) else value


def _text(text: str) -> str:
    """The bare text."""
    return str.__str__(text)


def _as_json(value: Any) -> Any:
    if not isinstance(value, Explanation) or not value.code:
        return _text(value) if isinstance(value, str) else value
    params = value.params
    told: dict[str, Any] = {"code": value.code}
    if isinstance(params, Mapping):
        told["params"] = {name: _as_json(each) for name, each in params.items()}
    elif params is not None:
        told["params"] = [_as_json(each) for each in params]
    return told


def _made(told: dict[str, Any]) -> Explanation:
    code, params = told["code"], told.get("params")
    if not (isinstance(code, str) and code):
        raise TypeError("a code is a sentence")
    sentence = gettext(code)
    if params is None:
        return sentence
    if isinstance(params, dict):
        return sentence % {name: _param(each) for name, each in params.items()}
    return sentence % tuple(map(_param, params))


def _param(told: Any) -> Any:
    return _made(told) if isinstance(told, dict) else told
