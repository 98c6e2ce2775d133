"""Give the open lines their VIN, and take surplus units of one VIN out of the books, with a movement that says so."""

from django.db import migrations

FILL = """
UPDATE catalog_reservationline AS l SET vin = first.vin
FROM (
    SELECT DISTINCT ON (p.vin) o.id, p.vin
    FROM catalog_reservationline AS o
    JOIN catalog_reservation AS r ON r.id = o.reservation_id AND r.status IN ('held', 'sold')
    JOIN catalog_product AS p ON p.id = o.product_id AND p.vin <> '' AND p.stage <> 'handed_over'
    ORDER BY p.vin, o.id
) AS first
WHERE l.id = first.id
"""

COUNT_OUT = """
WITH surplus AS (
    SELECT id, on_hand - greatest(reserved, 1) AS units, greatest(reserved, 1) AS left_over
    FROM catalog_product WHERE vin <> '' AND on_hand > greatest(reserved, 1)
), counted AS (
    INSERT INTO catalog_stockmovement (id, product_id, delta, kind, reason, actor, on_hand_after, created_at)
    SELECT gen_random_uuid(), id, -units, 'manual', 'one VIN is one unit', 'system', left_over, now() FROM surplus
)
UPDATE catalog_product AS p
SET on_hand = surplus.left_over, stock_version = p.stock_version + 1, version = p.version + 1
FROM surplus WHERE p.id = surplus.id
"""


class Migration(migrations.Migration):

    dependencies = [
        ('catalog', '0013_guard_vin_by_one_line'),
    ]

    operations = [
        migrations.RunSQL(FILL, migrations.RunSQL.noop),
        migrations.RunSQL(COUNT_OUT, migrations.RunSQL.noop),
    ]
