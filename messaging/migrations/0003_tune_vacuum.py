from django.db import migrations

TUNE = """
ALTER TABLE messaging_outbox SET (fillfactor = 85, autovacuum_vacuum_scale_factor = 0.01);
ALTER TABLE messaging_inbox SET (fillfactor = 85, autovacuum_vacuum_scale_factor = 0.01);
"""
"""Rows of both are changed soon after they are written, and only the newest are looked for."""

RESET = """
ALTER TABLE messaging_outbox RESET (fillfactor, autovacuum_vacuum_scale_factor);
ALTER TABLE messaging_inbox RESET (fillfactor, autovacuum_vacuum_scale_factor);
"""


class Migration(migrations.Migration):

    dependencies = [
        ('messaging', '0002_add_sink_cursor'),
    ]

    operations = [
        migrations.RunSQL(TUNE, RESET),
    ]
