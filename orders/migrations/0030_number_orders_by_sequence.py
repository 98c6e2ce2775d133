"""Number orders by a sequence, for which nobody waits; beyond anything the release before may still give out."""

from django.db import migrations

AHEAD = 100_000
"""What the release before may place beside this one, or after a way back to it, before its numbers meet ours."""


class Migration(migrations.Migration):
    dependencies = [("orders", "0029_guard_history_alike")]
    operations = [
        migrations.RunSQL("CREATE SEQUENCE orders_order_number", "DROP SEQUENCE orders_order_number"),
        migrations.RunSQL(
            f"""SELECT setval('orders_order_number', coalesce(max(last_number) + {AHEAD}, 1), max(last_number) IS NOT NULL)
                FROM orders_ordercounter""",
            migrations.RunSQL.noop,
        ),
    ]
