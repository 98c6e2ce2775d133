"""Policies in force that are the only ones of their kind for their car are so from now on; others stay, and are found
by check_books."""

from django.db import migrations

FILL = """
UPDATE insurance_policy AS p SET is_sole = true
WHERE p.status IN ('active', 'cancel_scheduled', 'suspended') AND NOT p.is_sole AND NOT EXISTS (
    SELECT FROM insurance_policy AS o
    WHERE o.vehicle_vin = p.vehicle_vin AND o.insurance_type = p.insurance_type AND o.id <> p.id
      AND o.status IN ('active', 'cancel_scheduled', 'suspended')
      AND o.start_date <= greatest(p.start_date, coalesce(p.cancel_date, p.end_date))
      AND p.start_date <= greatest(o.start_date, coalesce(o.cancel_date, o.end_date)))
"""


class Migration(migrations.Migration):

    dependencies = [
        ('insurance', '0011_insure_cars_once'),
    ]

    operations = [
        migrations.RunSQL(FILL, migrations.RunSQL.noop),
    ]
