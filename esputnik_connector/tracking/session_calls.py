"""What a request did that showed no page, until the next page tells it: in the visitor's session.

A few calls of eSputnik's script, for a short while: who blocks scripts never takes them, and what
was bought must not lie in a session for as long as the session lives.
"""

from __future__ import annotations

import json
import time
from typing import Any

from django.conf import settings
from django.http import HttpRequest

from esputnik_connector.models import Storefront
from esputnik_connector.records import JSONValue

from .visitor import notes_of

LATER = "esputnik_calls"  # in the session: moment, connection, call
MOST_CALLS = 20
LONGEST = 20_000  # characters in all
LONGEST_IN_COOKIE = 1_000  # a browser refuses a session that a cookie cannot hold, and all in it
KEPT_FOR = 3600  # seconds


def keep_for_later(request: HttpRequest, storefront: Storefront) -> bool:
    """Calls that no page took, for the next one; was there any? The oldest make room."""
    calls = notes_of(request).calls
    session: Any = getattr(request, "session", None)
    if not calls or session is None:
        return False
    moment = int(time.time())
    added = [[moment, storefront.connection_id, call] for call in calls]
    session[LATER] = _fitting([*_fresh(session.get(LATER)), *added])
    return True


def taken(request: HttpRequest, storefront: Storefront) -> list[JSONValue]:
    """What earlier requests left for this storefront. Once; what is another's waits for that."""
    session: Any = getattr(request, "session", None)
    if session is None or LATER not in session:
        return []
    left = _fresh(session.pop(LATER))
    if others := [row for row in left if row[1] != storefront.connection_id]:
        session[LATER] = others
    return [call for _moment, owner, call in left if owner == storefront.connection_id]


def forget_old(request: HttpRequest) -> None:
    """What nobody came for."""
    session: Any = getattr(request, "session", None)
    if session is None or LATER not in session:
        return
    left = _fresh(session[LATER])
    if not left:
        del session[LATER]
    elif len(left) < len(session[LATER]):
        session[LATER] = left


def _fresh(left: Any) -> list[Any]:
    """Without what is too old, and what another version left."""
    since = time.time() - KEPT_FOR
    rows = left if isinstance(left, list) else []
    return [row for row in rows if isinstance(row[0], int) and row[0] >= since]


def _fitting(rows: list[Any]) -> list[Any]:
    is_cookie = settings.SESSION_ENGINE.endswith("signed_cookies")
    room = LONGEST_IN_COOKIE if is_cookie else LONGEST
    kept: list[Any] = []
    for row in reversed(rows[-MOST_CALLS:]):
        room -= len(json.dumps(row))
        if room < 0:
            break
        kept.append(row)
    return kept[::-1]
