"""Name partitions and shards as the field does; columns, tables and indexes keep their names, so nothing is done to a database."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("messaging", "0006_note_departures")]

    operations = [
        migrations.SeparateDatabaseAndState(
            state_operations=[
                migrations.RenameModel("InboxLane", "InboxShard"),
                migrations.RemoveIndex("InboxEvent", "inbox_parked"),
                migrations.RenameField("InboxEvent", "lane", "partition_key"),
                migrations.AlterField("InboxEvent", "partition_key", models.CharField(max_length=64, db_column="lane")),
                migrations.AddIndex(
                    "InboxEvent",
                    models.Index(
                        fields=["handler", "partition_key"], condition=models.Q(("status", 2)), name="inbox_parked"
                    ),
                ),
                migrations.RemoveIndex("Timer", "timer_lane"),
                migrations.RenameField("Timer", "lane", "partition_key"),
                migrations.AlterField("Timer", "partition_key", models.CharField(max_length=64, db_column="lane")),
                migrations.AddIndex(
                    "Timer",
                    models.Index(
                        fields=["partition_key"], condition=models.Q(("fired_at__isnull", True)), name="timer_lane"
                    ),
                ),
            ]
        )
    ]
