from django.db import migrations

ADD = """
CREATE FUNCTION orders_refuse_unpaid_handover() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.amount_paid < NEW.total_amount - NEW.trade_in_credit - NEW.returned_premiums - NEW.allowance_amount THEN
        RAISE EXCEPTION 'order % is not paid in full', NEW.number USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NEW;
END $$;

CREATE TRIGGER order_handover_paid BEFORE UPDATE OF status ON orders_order FOR EACH ROW
    WHEN (NEW.status IN ('in_progress', 'ready', 'completed') AND OLD.status IN ('paid', 'in_progress', 'ready')
          AND OLD.status <> NEW.status)
    EXECUTE FUNCTION orders_refuse_unpaid_handover();
"""

REMOVE = """
DROP TRIGGER order_handover_paid ON orders_order;
DROP FUNCTION orders_refuse_unpaid_handover();
"""


class Migration(migrations.Migration):

    dependencies = [
        ('orders', '0016_check_allowances'),
    ]

    operations = [
        migrations.RunSQL(ADD, REMOVE),
    ]
