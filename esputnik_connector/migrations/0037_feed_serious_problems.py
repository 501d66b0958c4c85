from django.db import migrations, models


class Migration(migrations.Migration):
    """May be null: workers of the release before write rows without it while they are replaced."""

    dependencies = [
        ('esputnik_connector', '0036_retired_workers'),
    ]

    operations = [
        migrations.AddField(
            model_name='feedbuild',
            name='serious',
            field=models.PositiveIntegerField(null=True),
        ),
    ]
