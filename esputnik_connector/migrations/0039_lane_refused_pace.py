from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ('esputnik_connector', '0038_live_changes'),
    ]

    operations = [
        migrations.AddField(
            model_name='lane',
            name='refused_pace',
            field=models.FloatField(editable=False, null=True),
        ),
    ]
