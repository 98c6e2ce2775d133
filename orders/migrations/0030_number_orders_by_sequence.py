"""Number orders by a sequence, for which nobody waits; the release before draws from it too, without knowing.

That release counts in a row of orders_ordercounter and takes what the statement returns: a trigger makes this the
sequence's next number, so that the two never give out one number twice, whichever runs first or comes back later.
"""

from django.db import migrations

COUNT_BY_SEQUENCE = """
CREATE FUNCTION orders_count_by_sequence() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NEW.last_number := nextval('orders_order_number');
    RETURN NEW;
END $$;
CREATE TRIGGER count_by_sequence BEFORE INSERT OR UPDATE ON orders_ordercounter
    FOR EACH ROW EXECUTE FUNCTION orders_count_by_sequence();
"""
COUNT_BY_ROWS = """
DROP TRIGGER count_by_sequence ON orders_ordercounter;
DROP FUNCTION orders_count_by_sequence();
UPDATE orders_ordercounter SET last_number = (SELECT last_value FROM orders_order_number);
"""


class Migration(migrations.Migration):
    dependencies = [("orders", "0029_guard_history_alike")]
    operations = [
        migrations.RunSQL("CREATE SEQUENCE orders_order_number", "DROP SEQUENCE orders_order_number"),
        migrations.RunSQL(COUNT_BY_SEQUENCE, COUNT_BY_ROWS),  # its lock waits for orders being placed right now
        migrations.RunSQL(
            "SELECT setval('orders_order_number', max(last_number)) FROM orders_ordercounter",
            migrations.RunSQL.noop,
        ),
    ]
