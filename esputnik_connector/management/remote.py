"""The part of ``esputnik_reconcile`` that asks the destination what it really holds."""

from __future__ import annotations

import json
from argparse import ArgumentParser
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import asdict
from typing import Any

from django.core.management.base import CommandError
from django.utils.translation import gettext as _

from esputnik_connector import registry
from esputnik_connector.exceptions import CredentialsError, TemporaryError
from esputnik_connector.models import Connection, Reconciliation, Restore
from esputnik_connector.models.reconcile import Verdict, verdict_in_words
from esputnik_connector.pipeline.reconcile.remote import RemoteReconciler, abandon, remote_run
from esputnik_connector.pipeline.reconcile.run import Overtaken
from esputnik_connector.pipeline.reconcile.spot_check import Sample, sample
from esputnik_connector.records import Kind

Write = Callable[[str], object]

ASKABLE = (Kind.CONTACT,)  # of which a platform may tell what it holds


def add_arguments(parser: ArgumentParser) -> None:
    add = parser.add_argument
    add("--remote-sample", type=int, metavar="N", help=_("ask what is really there of N"))
    add("--remote", action="store_true", help=_("ask what is really there of each customer"))
    add("--repair", action="store_true", help=_("with --remote: send again what is not"))
    add(
        "--with-absent",
        action="store_true",
        help=_("with --repair, after a restore: also who is not there any more"),
    )
    add("--anew", action="store_true", help=_("with --remote: do not go on where it was left"))


def ask_all(
    connections: Sequence[Connection], kinds: Sequence[Kind], options: dict[str, Any], write: Write
) -> bool:
    """Ask about everything that was delivered; False when something is amiss and stays so.

    :raises ConfigurationError, DecryptionError: the destination cannot be asked.
    :raises CommandError: it could not be asked now.
    """
    if options["anew"]:
        for connection in connections:
            abandon(connection, kinds)
    tell = (lambda _text: None) if options["json"] else write
    runs = [_ask(connection, kind, options, tell) for connection in connections for kind in kinds]
    if options["json"]:
        write(json.dumps([_as_json(run) for run in runs], ensure_ascii=False))
    return all(_amiss(run) <= run.queued for run in runs)


def _ask(
    connection: Connection, kind: Kind, options: dict[str, Any], tell: Write
) -> Reconciliation:
    run = remote_run(connection, kind, is_repairing=options["repair"])
    if run.total:
        tell(_("%(name)s: goes on after %(count)s records.") % _told(run))

    def show(key: str, verdict: str, names: Sequence[str]) -> None:
        fields = f" ({', '.join(names)})" if names else ""
        tell(f"  {key}: {verdict_in_words(verdict)}{fields}")

    is_restored = Restore.unsettled() is not None
    with closing(registry.destination(connection)) as destination:
        reconciler = RemoteReconciler(
            run,
            destination,
            registry.shop(),
            with_absent=options["with_absent"] or not is_restored,
            on_found=show,
        )
        try:
            reconciler.work()
        except (TemporaryError, CredentialsError) as error:
            text = _(
                "%(why)s After %(count)s records. Run the same command again: it goes on there."
            )
            raise CommandError(text % {"why": f"{error}.", "count": run.total}) from error
        except Overtaken as error:
            text = _("%(name)s: another process asks about the same records already.")
            raise CommandError(text % _told(run)) from error
    _summarise(run, tell)
    if is_restored and options["repair"] and not options["with_absent"]:
        _warn_of_absent(run, tell)
    return run


def _summarise(run: Reconciliation, tell: Write) -> None:
    tell(_("%(name)s: %(count)s looked at, %(queued)s in line to be sent again") % _told(run))
    for verdict, count in sorted(run.counts.items(), key=lambda pair: -pair[1]):
        tell(f"  {count:>8}  {verdict_in_words(verdict)}")


def _warn_of_absent(run: Reconciliation, tell: Write) -> None:
    if count := run.counts.get(Verdict.ABSENT.value, 0):
        text = _(
            "  %s are not there any more and were left out: after a restore they may be people who "
            "were deleted since the backup. Delete those in the shop; send the others with "
            "--with-absent."
        )
        tell(text % count)


def _amiss(run: Reconciliation) -> int:
    return sum(run.counts.get(one.value, 0) for one in (Verdict.ABSENT, Verdict.ALTERED))


def _told(run: Reconciliation) -> dict[str, object]:
    name = f"{run.connection.name} · {run.get_kind_display()}"
    return {"name": name, "count": run.total, "queued": run.queued}


def _as_json(run: Reconciliation) -> dict[str, Any]:
    return {
        "connection": run.connection.name,
        "kind": run.kind,
        "counts": run.counts,
        "examples": run.examples,
        "queued": run.queued,
    }


def ask_some(
    connections: Sequence[Connection], kinds: Sequence[Kind], options: dict[str, Any], write: Write
) -> bool:
    """Ask about a few that chance chooses; False when one is not there as it was sent.

    :raises TemporaryError, CredentialsError: the destination could not be asked.
    """
    found = {
        f"{connection.name} · {kind.value}": sample(connection, kind, options["remote_sample"])
        for connection in connections
        for kind in kinds
    }
    if options["json"]:
        write(json.dumps({name: asdict(one) for name, one in found.items()}))
    else:
        for name, one in found.items():
            _show_sample(name, one, write)
    return not any(one.absent or one.differing for one in found.values())


def _show_sample(name: str, one: Sample, write: Write) -> None:
    text = _("%(name)s: %(asked)s asked, %(equal)s as sent")
    write(text % {"name": name, "asked": one.asked, "equal": one.equal})
    for key in one.absent:
        write(_("  %s: it is not there") % key)
    for key, names in one.differing.items():
        text = _("  %(key)s: differs in %(names)s")
        write(text % {"key": key, "names": ", ".join(names)})
    for reason, count in one.skipped.items():
        write(f"  {count:>8}  {verdict_in_words(reason)}")
