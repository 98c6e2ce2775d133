from django.db import migrations

ADD = """
CREATE FUNCTION catalog_refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '% is only added to', TG_TABLE_NAME USING ERRCODE = 'restrict_violation';
END $$;
CREATE TRIGGER stock_movement_append_only BEFORE UPDATE OR DELETE ON catalog_stockmovement
    FOR EACH ROW EXECUTE FUNCTION catalog_refuse_change();
CREATE TRIGGER price_change_append_only BEFORE UPDATE OR DELETE ON catalog_pricechange
    FOR EACH ROW EXECUTE FUNCTION catalog_refuse_change()
"""

REMOVE = """
DROP TRIGGER stock_movement_append_only ON catalog_stockmovement;
DROP TRIGGER price_change_append_only ON catalog_pricechange;
DROP FUNCTION catalog_refuse_change()
"""


class Migration(migrations.Migration):

    dependencies = [
        ('catalog', '0002_product_search'),
    ]

    operations = [
        migrations.RunSQL(ADD, REMOVE),
    ]
