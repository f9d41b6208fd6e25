"""Python names of the send mark and of orphans. Tables and columns keep theirs: no statement is sent."""

import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("syncqueue", "0003_alert"),
    ]

    operations = [
        migrations.AlterField(
            "syncrecord", "mark_token", models.CharField(blank=True, db_column="mark_token", max_length=64)
        ),
        migrations.RenameField("syncrecord", "mark_token", "sending_token"),
        migrations.AlterField(
            "syncrecord", "mark_until", models.DateTimeField(blank=True, db_column="mark_until", null=True)
        ),
        migrations.RenameField("syncrecord", "mark_until", "sending_until"),
        migrations.AlterField(
            "syncrecord", "mark_action", models.CharField(blank=True, db_column="mark_action", max_length=10)
        ),
        migrations.RenameField("syncrecord", "mark_action", "sending_action"),
        migrations.AlterModelTable("straypart", "syncqueue_straypart"),
        migrations.RenameModel("StrayPart", "OrphanPart"),
        migrations.AlterField(
            "orphanpart",
            "record",
            models.ForeignKey(
                on_delete=django.db.models.deletion.CASCADE, related_name="orphans", to="syncqueue.syncrecord"
            ),
        ),
    ]
