from django.conf import settings
from django.db import migrations

FILL = """
UPDATE orders_order SET
    placed_date = (created_at AT TIME ZONE '{zone}')::date,
    funding = CASE WHEN total_amount = 0 THEN '[]'::jsonb ELSE jsonb_build_array(jsonb_build_object(
        'leg', 'balance', 'kind', 'balance', 'amount', total_amount::text,
        'state', CASE WHEN status IN ('paid', 'in_progress', 'ready', 'completed') THEN 'paid'
                      WHEN status = 'refunded' THEN 'returned' WHEN status = 'cancelled' THEN 'cancelled'
                      ELSE 'planned' END)) END
"""


def fill(apps, schema_editor):
    """Orders placed before these columns were there."""
    schema_editor.execute(FILL.format(zone=settings.DEALER_TIME_ZONE.replace("'", "")))


class Migration(migrations.Migration):

    dependencies = [
        ('orders', '0005_deepen_orders'),
    ]

    operations = [
        migrations.RunPython(fill, migrations.RunPython.noop),
    ]
