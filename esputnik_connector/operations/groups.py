"""Groups of staff, one for each right: made once, then given to people in Django's admin."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from django.apps import apps
from django.contrib.auth.models import Group, Permission
from django.db import transaction

from esputnik_connector.models.permissions import APP, Right

LISTS = ("outboxmessage", "attempt", "syncstate", "backfill", "lane", "feed", "feedbuild")
SETTINGS = ("connection", "fieldmapping", "statusmapping", "feed", "feedcategory", "feedattribute")

_seen = tuple(f"view_{name}" for name in LISTS)
_operated = tuple(f"change_{name}" for name in ("outboxmessage", "attempt", "syncstate", "lane"))
_configured = tuple(
    f"{verb}_{name}" for name in SETTINGS for verb in ("view", "add", "change", "delete")
)

# Name of the group → what its people may do. A group holds what those before it hold, but for the
# right to erase, which is given to whoever answers for it.
GROUPS: Mapping[str, Sequence[str]] = {
    "eSputnik: see": (Right.SEE.value, *_seen),
    "eSputnik: operate": (Right.SEE.value, Right.OPERATE.value, *_seen, *_operated),
    "eSputnik: configure": (
        *(Right.SEE.value, Right.OPERATE.value, Right.CONFIGURE.value),
        *(*_seen, *_operated, *_configured),
    ),
    "eSputnik: erase": (Right.SEE.value, Right.ERASE.value, *_seen),
}


def make_groups() -> dict[str, int]:
    """Make the groups, and give those that are there what they lack. What a person added to one
    stays. Name → how many permissions it was given."""
    known = Permission.objects.filter(content_type__app_label=APP)
    given: dict[str, int] = {}
    with transaction.atomic():
        _remove_meaningless()
        by_name = {permission.codename: permission for permission in known}
        for name, codenames in GROUPS.items():
            group, _is_new = Group.objects.get_or_create(name=name)
            wanted = {by_name[codename] for codename in codenames if codename in by_name}
            missing = wanted - set(group.permissions.all())
            group.permissions.add(*missing)
            given[name] = len(missing)
    return given


def _remove_meaningless() -> None:
    """Permissions that former versions made for tables that nobody opens. Django leaves them."""
    for model in apps.get_app_config(APP).get_models():
        meta = model._meta
        declared = {name for name, _label in meta.permissions}
        declared |= {f"{verb}_{meta.model_name}" for verb in meta.default_permissions}
        mine = Permission.objects.filter(
            content_type__app_label=APP, content_type__model=meta.model_name
        )
        mine.exclude(codename__in=declared).delete()
