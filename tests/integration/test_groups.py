"""Who of the staff may do what: the groups that a command makes."""

from __future__ import annotations

from io import StringIO

import pytest
from django.contrib.auth import get_user_model
from django.contrib.auth.models import Group, Permission
from django.contrib.contenttypes.models import ContentType
from django.core.management import call_command

from esputnik_connector.models.permissions import Right
from esputnik_connector.operations.groups import GROUPS

pytestmark = pytest.mark.django_db


def member(*groups: str):
    user = get_user_model().objects.create_user("olha", "olha@example.com", is_staff=True)
    user.groups.set(Group.objects.filter(name__in=groups))
    return get_user_model().objects.get(pk=user.pk)


def make() -> str:
    output = StringIO()
    call_command("esputnik_groups", stdout=output)
    return output.getvalue()


def rights(user) -> set[Right]:
    return {right for right in Right if right.is_of(user)}


@pytest.mark.parametrize(
    ("group", "expected"),
    [
        ("eSputnik: see", {Right.SEE}),
        ("eSputnik: operate", {Right.SEE, Right.OPERATE}),
        ("eSputnik: configure", {Right.SEE, Right.OPERATE, Right.CONFIGURE}),
        ("eSputnik: erase", {Right.SEE, Right.ERASE}),
    ],
)
def test_each_group_gives_its_rights_and_no_other(group, expected):
    make()
    assert rights(member(group)) == expected


def test_whoever_operates_cannot_touch_the_key():
    make()
    user = member("eSputnik: operate")
    assert user.has_perm("esputnik_connector.change_outboxmessage")
    assert not user.has_perm("esputnik_connector.change_connection")
    assert not user.has_perm("esputnik_connector.delete_tombstone")


def test_a_group_names_no_permission_that_does_not_exist():
    known = Permission.objects.filter(content_type__app_label="esputnik_connector")
    names = set(known.values_list("codename", flat=True))
    assert {name for wanted in GROUPS.values() for name in wanted} <= names


def test_the_same_again_changes_nothing_and_keeps_what_was_added():
    assert "eSputnik: see: permissions added: 8" in make()
    group = Group.objects.get(name="eSputnik: see")
    group.permissions.add(Permission.objects.get(codename="add_user"))
    before = set(group.permissions.all())
    assert make().count("complete") == len(GROUPS)
    assert set(group.permissions.all()) == before


def test_permissions_of_tables_that_nobody_opens_are_not_made_and_go():
    kind = ContentType.objects.get(app_label="esputnik_connector", model="salt")
    Permission.objects.create(content_type=kind, codename="view_salt", name="Can view salt")
    make()
    names = set(
        Permission.objects.filter(content_type__app_label="esputnik_connector").values_list(
            "codename", flat=True
        )
    )
    assert {"see", "operate", "configure", "erase"} <= names
    assert not {"view_salt", "add_attempt", "delete_outboxmessage", "change_tombstone"} & names
    assert Permission.objects.filter(codename="view_user").exists()


def test_a_member_without_access_to_the_admin_has_no_right():
    make()
    user = member("eSputnik: see")
    user.is_staff = False
    assert rights(user) == set()
