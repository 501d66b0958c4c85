"""What is said of an option of a destination that cannot be used."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches

from django.core.checks import CheckMessage, Error

from esputnik_connector.explanations import gettext as _


def unknown_option(name: str, known: Iterable[str]) -> str:
    """The option does not exist; which one was meant, or which there are."""
    return f"{_('Unknown option %(name)r.') % {'name': name}} {advice(name, known)}"


def advice(name: str, known: Iterable[str]) -> str:
    """Which name was meant instead of ``name``, or which there are."""
    known = list(known)
    if close := get_close_matches(str(name), known, n=1):
        return _("Did you mean %(name)r?") % {"name": close[0]}
    if not known:
        return _("There are none.")
    return _("Known: %(names)s.") % {"names": ", ".join(known)}


def unusable_option(text: str) -> CheckMessage:
    return Error(text, id="esputnik_connector.E010")
