from django.db import migrations

ADD = """
CREATE FUNCTION orders_refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '% is only added to', TG_TABLE_NAME USING ERRCODE = 'restrict_violation';
END $$;

CREATE TRIGGER order_history_append_only BEFORE UPDATE OR DELETE ON orders_orderhistory
    FOR EACH ROW EXECUTE FUNCTION orders_refuse_change();
"""

REMOVE = """
DROP TRIGGER order_history_append_only ON orders_orderhistory;
DROP FUNCTION orders_refuse_change();
"""


class Migration(migrations.Migration):

    dependencies = [
        ('orders', '0003_keep_before_and_after'),
    ]

    operations = [
        migrations.RunSQL(ADD, REMOVE),
    ]
