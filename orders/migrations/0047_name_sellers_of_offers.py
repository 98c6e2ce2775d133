from django.db import migrations

NAME = """
UPDATE orders_salesoffer o SET legal_entity_id = coalesce(
    (SELECT s.legal_entity_id FROM orders_order s WHERE s.id = o.order_id),
    (SELECT e.entity_id FROM orders_legalentitycopy e WHERE e.is_default AND NOT e.is_deleted LIMIT 1))
WHERE o.legal_entity_id IS NULL AND o.sent_at IS NOT NULL
"""
"""What was sent names who sells: who sold where it was ordered, and else the default, as its paper did."""


class Migration(migrations.Migration):

    dependencies = [
        ('orders', '0046_offer_loans_and_policies'),
    ]

    operations = [
        migrations.RunSQL(NAME, migrations.RunSQL.noop),
    ]
