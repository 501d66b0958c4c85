"""Is it still worth while to tell of behaviour, in the moment in which it is sent?"""

from __future__ import annotations

from datetime import datetime, timedelta

from django.utils import timezone

from esputnik_connector.behaviour import Behaviour, BehaviourType
from esputnik_connector.conf import conf
from esputnik_connector.exceptions import Skip
from esputnik_connector.records import Reason

# Of who bought what, and of who somebody is, a day later is not too late.
LASTING = frozenset({BehaviourType.PURCHASED_ITEMS, BehaviourType.CUSTOMER_DATA})


def check_not_too_late(behaviour: Behaviour, *, now: datetime | None = None) -> None:
    """:raises Skip: what was looked at so long ago moves nobody any more."""
    is_lasting = behaviour.type in LASTING
    hours = conf.RETRY_HORIZON_HOURS if is_lasting else conf.BEHAVIOUR_LIFETIME_HOURS
    since = (now or timezone.now()) - timedelta(hours=hours)
    moment = behaviour.happened_at
    if moment is not None and moment < _aware(since):
        raise Skip(Reason.TOO_LATE)


def _aware(moment: datetime) -> datetime:
    """Without ``USE_TZ``, Django's clock has no zone; a record's moments always have one."""
    return moment if timezone.is_aware(moment) else timezone.make_aware(moment)
