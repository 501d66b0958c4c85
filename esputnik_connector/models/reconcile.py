"""A passage over the shop that looks for what differs from what was delivered."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from enum import Enum
from typing import TYPE_CHECKING, ClassVar

from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from esputnik_connector.records import Reason

from .base import ConnectorModel, ConnectorQuerySet
from .connection import Connection
from .labels import KINDS, REASONS, choices

if TYPE_CHECKING:
    from django.utils.functional import _StrPromise as Lazy

EXAMPLES = 10  # keys that are kept of each verdict


class Verdict(str, Enum):
    """What a comparison says of one record, besides the reasons for which it is not sent."""

    MISSING = "missing"
    DIFFERS = "differs"
    UNCERTAIN = "uncertain"
    UNREADABLE = "unreadable"
    DELETED = "deleted"
    ORDER_DELETED = "order_deleted"
    WAITING = "waiting"
    SET_ASIDE = "set_aside"
    HISTORY = "history"
    EQUAL = "equal"
    ABSENT = "absent"
    ALTERED = "altered"


VERDICTS: dict[Verdict, Lazy] = {
    Verdict.MISSING: _("never delivered"),
    Verdict.DIFFERS: _("differs from what was delivered"),
    Verdict.UNCERTAIN: _("sent, but no answer came"),
    Verdict.UNREADABLE: _("the shop's data could not be read"),
    Verdict.DELETED: _("the customer is gone from the shop, and the deletion was not sent"),
    Verdict.ORDER_DELETED: _("the order is gone from the shop; what was sent of it stays"),
    Verdict.WAITING: _("waits to be sent already"),
    Verdict.SET_ASIDE: _("set aside: a person must look at it"),
    Verdict.HISTORY: _("older than the connection, or a guest: the historical import sends it"),
    Verdict.EQUAL: _("there as the shop has it"),
    Verdict.ABSENT: _("not there, although it was delivered"),
    Verdict.ALTERED: _("there, but otherwise than the shop has it"),
}

REPAIRED = (
    Verdict.MISSING,
    Verdict.DIFFERS,
    Verdict.UNCERTAIN,
    Verdict.UNREADABLE,
    Verdict.DELETED,
)


def verdict_in_words(name: str) -> str:
    """A verdict or a reason as a person reads it."""
    known = {word.value: label for word, label in VERDICTS.items()}
    known |= {word.value: label for word, label in REASONS.items() if word.value not in known}
    return str(known.get(name, name))


class Stage(models.TextChoices):
    SHOP = "shop", _("comparing what the shop has")
    DELIVERED = "delivered", _("looking for what the shop no longer has")
    REMOTE = "remote", _("asking what is really there")
    REPAIR = "repair", _("asking what is really there, and sending again what is not")


REMOTE_STAGES = (Stage.REMOTE.value, Stage.REPAIR.value)  # of runs that a person began


class ReconciliationQuerySet(ConnectorQuerySet["Reconciliation"]):
    def unfinished(self) -> ReconciliationQuerySet:
        return self.filter(finished_at=None)

    def of_the_shop(self) -> ReconciliationQuerySet:
        """Those that compare with what was delivered, and ask the destination nothing."""
        return self.exclude(stage__in=REMOTE_STAGES)


class Reconciliation(ConnectorModel):
    """One run over one kind. ``counts`` add up to all records that were looked at."""

    connection = models.ForeignKey(
        Connection, models.CASCADE, verbose_name=_("connection"), related_name="reconciliations"
    )
    kind = models.CharField(_("kind"), max_length=10, choices=choices(KINDS))
    since = models.DateTimeField(_("since"), null=True)
    stage = models.CharField(_("stage"), max_length=10, choices=Stage.choices, default=Stage.SHOP)
    cursor = models.CharField(max_length=255, blank=True, default="")
    counts = models.JSONField(_("found"), default=dict)
    examples = models.JSONField(_("examples"), default=dict)
    pending = models.JSONField(default=dict, editable=False)  # keys to be put in line at the end
    queued = models.PositiveIntegerField(_("put in line"), default=0)
    held = models.PositiveIntegerField(_("held back"), default=0)
    started_at = models.DateTimeField(_("started"), default=timezone.now)
    finished_at = models.DateTimeField(_("finished"), null=True)

    objects: ClassVar = ReconciliationQuerySet.as_manager()

    class Meta:
        default_permissions = ()
        verbose_name = _("reconciliation")
        verbose_name_plural = _("reconciliations")
        ordering = ["-pk"]

    def __str__(self) -> str:
        return f"{self.connection} {self.kind}"

    def count(self, verdicts: Iterable[tuple[str, str]]) -> None:
        """Add (key, verdict) pairs to the counts, and the first keys of each to the examples."""
        keys: defaultdict[str, list[str]] = defaultdict(list)
        for key, verdict in verdicts:
            keys[verdict].append(key)
        for verdict, found in keys.items():
            self.counts[verdict] = self.counts.get(verdict, 0) + len(found)
            if verdict not in (Reason.UNCHANGED.value, Verdict.EQUAL.value):
                known = self.examples.get(verdict, [])
                self.examples[verdict] = [*known, *found][:EXAMPLES]

    @property
    def total(self) -> int:
        return sum(self.counts.values())

    @property
    def differences(self) -> int:
        """How many records eSputnik does not hold as the shop has them."""
        return sum(self.counts.get(verdict.value, 0) for verdict in REPAIRED)
