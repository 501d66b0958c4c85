"""What a person reads: the seed first, every fault with its moment, the verdicts."""

from __future__ import annotations

import sys
import threading
from collections import Counter
from collections.abc import Mapping, Sequence

from .evidence import Complaint, Evidence
from .judge.accounts import FAILED, IMPORTED, SENT, SKIPPED, tally
from .judge.breach import Breach

SHOWN = 5  # breaches of one promise

_lock = threading.Lock()


def tell(text: str = "") -> None:
    """One line, whole, whoever else is talking."""
    with _lock:
        sys.stdout.write(f"{text}\n")
        sys.stdout.flush()


def tell_at(moment: float, who: str, text: str) -> None:
    tell(f"{moment:7.2f} s  {who:<10} {text}")


def tell_verdicts(verdicts: Mapping[str, Sequence[Breach]]) -> None:
    for promise, breaches in verdicts.items():
        tell(f"{'BREACH' if breaches else 'kept':<7} {promise}")
        for breach in breaches[:SHOWN]:
            tell(f"        {breach.record}")
            tell(f"          expected  {breach.expected}")
            tell(f"          found     {breach.found}")
            for line in breach.history:
                tell(f"            {line}")
        if len(breaches) > SHOWN:
            others = ", ".join(breach.record for breach in breaches[SHOWN : SHOWN + 20])
            tell(f"        and {len(breaches) - SHOWN} more: {others}")


def tell_complaints(complaints: Sequence[Complaint]) -> None:
    """What could not be done, in the words of whoever tried: one line for all of a kind."""
    kinds = Counter((one.what, f"{one.error:.100}") for one in complaints)
    for (what, error), count in sorted(kinds.items()):
        tell(f"    not done {count:>3} × {what}: {error}")


def tell_sums(evidence: Evidence) -> None:
    fates = tally(evidence)
    sums = f"{fates[SENT]} sent + {fates[SKIPPED]} skipped + {fates[FAILED]} failed"
    sums += f" + {fates[IMPORTED]} settled by an import"
    tell(f"Captured {sum(fates.values())} = {sums}")
    tell(
        f"The shop has {len(evidence.people)} customers, {len(evidence.orders)} orders and "
        f"{len(evidence.carts)} carts, and deleted {len(evidence.erased)} customers; eSputnik was "
        f"asked {len(evidence.exchanges)} times."
    )
    dead = {f"{row.kind} {row.key}": row for row in evidence.rows if row.fate == FAILED}
    for record, row in dead.items():
        tell(f"  set aside: {record}: {row.reason} {row.detail:.100}")
