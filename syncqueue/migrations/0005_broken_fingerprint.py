"""What was refused of a destination that the settings declare. With a default of the database's: an older version writes
rows without the column.
"""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("syncqueue", "0004_names"),
    ]

    operations = [
        migrations.AddField(
            "destination",
            "broken_fingerprint",
            models.CharField(blank=True, db_default="", default="", editable=False, max_length=64),
        ),
    ]
