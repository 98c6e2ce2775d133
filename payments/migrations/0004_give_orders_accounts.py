from django.db import migrations

MOVE = """
ALTER TABLE payments_ledgerline DISABLE TRIGGER ledger_line_append_only;
INSERT INTO payments_ledgeraccount (code)
SELECT DISTINCT 'order:' || e.order_id
FROM payments_ledgerline AS l JOIN payments_ledgerentry AS e ON e.id = l.entry_id
WHERE l.account_id = 'customer_funds' ON CONFLICT DO NOTHING;
UPDATE payments_ledgerline AS l SET account_id = 'order:' || e.order_id
FROM payments_ledgerentry AS e WHERE e.id = l.entry_id AND l.account_id = 'customer_funds';
DELETE FROM payments_ledgeraccount WHERE code = 'customer_funds';
SET CONSTRAINTS ALL IMMEDIATE;
ALTER TABLE payments_ledgerline ENABLE TRIGGER ledger_line_append_only;
"""


class Migration(migrations.Migration):
    """What was owed to all buyers together is owed for each order from now on."""

    dependencies = [
        ('payments', '0003_add_books_of_partners'),
    ]

    operations = [
        migrations.RunSQL(MOVE, migrations.RunSQL.noop),
    ]
