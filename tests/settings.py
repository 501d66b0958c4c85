"""The sandbox shop under test, on a real PostgreSQL and a real Redis."""

import os

from tests import servers

servers.ensure()
servers.take_share()
os.environ.setdefault("SECRET_KEY", "tests only")
os.environ.setdefault("ESPUTNIK_ENCRYPTION_KEYS", "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=")
os.environ.setdefault("SHOP_URL", "https://shop.example")

from sandbox_project.settings import *  # noqa: E402, F403

PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
EMAIL_BACKEND = "django.core.mail.backends.locmem.EmailBackend"

if DATABASES["default"]["ENGINE"] == "django.db.backends.postgresql":  # noqa: F405
    DATABASES["default"]["ENGINE"] = "tests.postgres"  # noqa: F405  empties tables 15 times faster


class OnlyOurMigrations:
    """Tables of other people's apps are made from their models: their migrations are not ours to
    test."""

    def __contains__(self, app_label: str) -> bool:
        return app_label != "esputnik_connector"

    def __getitem__(self, app_label: str) -> None:
        return None


MIGRATION_MODULES = OnlyOurMigrations()

INSTALLED_APPS = [*INSTALLED_APPS, "tests.plainshop"]  # noqa: F405

OSCAR_EAGER_ALERTS = False  # its receiver is connected at the start; tests of it do so themselves
