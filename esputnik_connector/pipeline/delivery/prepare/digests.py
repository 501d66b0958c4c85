"""Digests as they are remembered: keyed by the shop's secret, so that no reader of the table
can try out whose phone it was.

What former versions remembered was the bare hash. It is recognised, and replaced when it is seen;
:func:`key_all` does the same for all of them, without any payload, since the key is put around the
former hash.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from django.db.models import Case, F, Value, When

from esputnik_connector.destinations.base import Envelope
from esputnik_connector.exceptions import DecryptionError
from esputnik_connector.fields import reveal
from esputnik_connector.keyed_hashes import keyed_hash
from esputnik_connector.models import Connection, SyncState
from esputnik_connector.records import Kind

KEYED = "k"  # begins what is keyed; a bare hash begins with 0 to 9 or a to f
FORM = re.compile(KEYED + r"([0-9]+)[.]")  # of a later form of the payload than the first
LENGTH = 64  # of the column
CHUNK = 500


def keyed(digest: str, *, salt: str, form: int = 1) -> str:
    """The digest of a payload as it is remembered; ``""`` stays ``""``.

    :param form: the version of the payload's form, as its envelope says.
    """
    if not digest:
        return ""
    found = keyed_hash(f"digest:{digest}", key=salt)
    mark = KEYED if form == 1 else f"{KEYED}{form}."
    return f"{mark}{found}"[:LENGTH]


def is_of_another_form(remembered: str, envelope: Envelope) -> bool:
    """Was what was delivered spelled in another form, so that the digests cannot tell whether the
    record changed?"""
    found = FORM.match(remembered)
    return bool(remembered) and (int(found[1]) if found else 1) != envelope.form


def is_of(remembered: str, envelope: Envelope, *, salt: str) -> bool:
    """Was this very payload delivered? Also as a former version remembered it.

    :param envelope: as the destination prepared it, its digest not keyed.
    """
    if not (remembered and envelope.digest):
        return False
    return remembered in (envelope.digest, keyed(envelope.digest, salt=salt, form=envelope.form))


def write(connection: Connection, kind: Kind, outdated: Mapping[str, str]) -> None:
    """Replace digests, former → present. One that a delivery has replaced meanwhile stays."""
    pairs = list(outdated.items())
    for start in range(0, len(pairs), CHUNK):
        some = dict(pairs[start : start + CHUNK])
        states = SyncState.objects.filter(connection=connection, kind=kind.value)
        states.filter(digest__in=list(some)).update(digest=_replaced("digest", some))


def key_all() -> int:
    """Key each digest that a former version remembered; how many there were."""
    done = 0
    for connection in Connection.objects.order_by("pk"):
        try:
            salt = reveal(connection.salt)
        except DecryptionError:
            continue
        for column in ("digest", "session_digest"):
            for some in _bare(connection, column):
                states = SyncState.objects.filter(connection=connection, **{f"{column}__in": some})
                pairs = {one: keyed(one, salt=salt) for one in some}
                done += states.update(**{column: _replaced(column, pairs)})
    return done


def _bare(connection: Connection, column: str) -> Iterator[list[str]]:
    last = 0
    states = SyncState.objects.filter(connection=connection, **{f"{column}__gt": ""})
    bare = states.filter(**{f"{column}__lt": "g"}).order_by("pk")
    while rows := list(bare.filter(pk__gt=last).values_list("pk", column)[:CHUNK]):
        last = rows[-1][0]
        yield list({digest for _pk, digest in rows})


def _replaced(column: str, pairs: Mapping[str, str]) -> Case:
    whens = (When(**{column: old}, then=Value(new)) for old, new in pairs.items())
    return Case(*whens, default=F(column))
