from typing import Any

from django.db import migrations, models
from django.db.models import F


def note_what_was_live(apps: Any, schema_editor: Any) -> None:
    """What was timed began with a change, or with a reconciliation: nobody knows which, and the
    first hours after an upgrade must not raise an alarm."""
    counts = apps.get_model('esputnik_connector', 'OutcomeCount').objects
    counts.using(schema_editor.connection.alias).filter(timed__gt=0).update(live_at=F('last_at'))


class Migration(migrations.Migration):
    """All may be null: workers of the release before write rows without them meanwhile."""

    dependencies = [
        ('esputnik_connector', '0037_feed_serious_problems'),
    ]

    operations = [
        migrations.AddField(
            model_name='outboxmessage',
            name='is_catch_up',
            field=models.BooleanField(default=False, editable=False, null=True),
        ),
        migrations.AddField(
            model_name='backfill',
            name='is_forced',
            field=models.BooleanField(default=False, editable=False, null=True),
        ),
        migrations.AddField(
            model_name='outcomecount',
            name='live_at',
            field=models.DateTimeField(null=True),
        ),
        migrations.RunPython(note_what_was_live, migrations.RunPython.noop, elidable=True),
    ]
