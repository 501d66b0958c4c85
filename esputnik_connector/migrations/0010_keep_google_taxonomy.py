from typing import Any

from django.db import migrations


def keep(apps: Any, _schema_editor: Any) -> None:
    """Feeds that map categories to Google's go on as they were; the others get the shop's path."""
    feeds = apps.get_model("esputnik_connector", "Feed").objects
    feeds.filter(google_categories__isnull=False).update(uses_google_taxonomy=True)


class Migration(migrations.Migration):

    dependencies = [
        ("esputnik_connector", "0009_account_and_taxonomy"),
    ]

    operations = [migrations.RunPython(keep, migrations.RunPython.noop)]
