"""An Oscar shop whose user model has no e-mail column, in a process of its own."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]

SETTINGS = """
from tests.settings import *

DATABASES = {"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}}


class NoMigrations(dict):  # each of them copies tables on SQLite
    def __contains__(self, _app):
        return True

    def __getitem__(self, _app):
        return None


MIGRATION_MODULES = NoMigrations()
INSTALLED_APPS = [*INSTALLED_APPS, "nomail"]
AUTH_USER_MODEL = "nomail.User"
SILENCED_SYSTEM_CHECKS = ["admin.E039"]  # of Oscar's own admin
ESPUTNIK_CONNECTOR = {
    **ESPUTNIK_CONNECTOR,
    "DESTINATIONS": {
        "recording": {"BACKEND": "esputnik_connector.testing.recording.RecordingDestination"}
    },
    "WAKE": "",
}
"""

MODELS = """
from django.contrib.auth.base_user import AbstractBaseUser, BaseUserManager
from django.contrib.auth.models import PermissionsMixin
from django.db import models


class User(AbstractBaseUser, PermissionsMixin):
    login = models.CharField(max_length=50, unique=True)
    phone = models.CharField(max_length=30)
    is_active = models.BooleanField(default=True)
    is_staff = models.BooleanField(default=False)
    objects = BaseUserManager()
    USERNAME_FIELD = "login"
"""

JOURNEY = """
import django

django.setup()
from django.contrib.auth import get_user_model
from django.core.management import call_command
from oscar.test import factories

from esputnik_connector import registry
from esputnik_connector.models import Connection, OutboxMessage
from esputnik_connector.records import Kind

call_command("migrate", run_syncdb=True, verbosity=0)
user = get_user_model().objects.create(login="olena", phone="+380501234567")
factories.create_order(number="1", user=user)
factories.create_order(number="2", user=None, guest_email="guest@example.com")
connection = Connection.objects.create(name="main", destination="recording", api_key="a key")
shop = registry.shop()
assert shop.keys(Kind.CONTACT, limit=9).keys == (str(user.pk),)
assert shop.count(Kind.CONTACT) == 2
assert shop.contacts([str(user.pk)])[str(user.pk)].phone == "+380501234567"
call_command("esputnik_reconcile", since="2020-01-01T00:00+00:00", no_limit=True)
rows = OutboxMessage.objects.exclude(kind="cart")
print(sorted(rows.values_list("kind", "key")))
user.delete()
"""


def test_a_user_model_without_an_email_column_does_not_end_reconciliation(tmp_path):
    (tmp_path / "nomail").mkdir()
    (tmp_path / "nomail" / "__init__.py").touch()
    (tmp_path / "nomail" / "models.py").write_text(MODELS)
    (tmp_path / "nomail_settings.py").write_text(SETTINGS)
    env = {
        **os.environ,
        "DJANGO_SETTINGS_MODULE": "nomail_settings",
        "PYTHONPATH": os.pathsep.join([str(tmp_path), str(ROOT)]),
    }
    done = subprocess.run(
        [sys.executable, "-c", JOURNEY], env=env, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert "[('contact', '1'), ('order', '1'), ('order', '2')]" in done.stdout
    assert "not captured" not in done.stderr
