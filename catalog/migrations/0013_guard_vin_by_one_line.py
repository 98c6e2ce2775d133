"""One VIN, one owner: a line remembers its VIN, and triggers say while it binds, whoever writes the reservation."""

import django.contrib.postgres.operations
from django.db import migrations, models

FOLLOW = """
CREATE FUNCTION catalog_follow_reservation() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    UPDATE catalog_reservationline SET binds = (NEW.status <> 'released')
    WHERE reservation_id = NEW.id AND vin <> '' AND binds <> (NEW.status <> 'released');
    RETURN NULL;
END $$;
CREATE TRIGGER reservation_binds_vin AFTER UPDATE OF status ON catalog_reservation
    FOR EACH ROW WHEN ((OLD.status = 'released') <> (NEW.status = 'released'))
    EXECUTE FUNCTION catalog_follow_reservation();
CREATE FUNCTION catalog_free_handed_over_vin() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    UPDATE catalog_reservationline SET binds = false WHERE product_id = NEW.id AND vin <> '' AND binds;
    RETURN NULL;
END $$;
CREATE TRIGGER handed_over_frees_vin AFTER UPDATE OF stage ON catalog_product
    FOR EACH ROW WHEN (NEW.stage = 'handed_over' AND OLD.stage <> 'handed_over')
    EXECUTE FUNCTION catalog_free_handed_over_vin()
"""

LEAVE = """
DROP TRIGGER handed_over_frees_vin ON catalog_product;
DROP FUNCTION catalog_free_handed_over_vin();
DROP TRIGGER reservation_binds_vin ON catalog_reservation;
DROP FUNCTION catalog_follow_reservation()
"""


class Migration(migrations.Migration):

    dependencies = [
        ('catalog', '0012_note_photos_named_before'),
    ]

    operations = [
        migrations.AddField(
            model_name='reservationline',
            name='binds',
            field=models.BooleanField(db_default=True, default=True, editable=False),
        ),
        migrations.AddField(
            model_name='reservationline',
            name='vin',
            field=models.CharField(blank=True, db_default='', default='', max_length=17, verbose_name='VIN'),
        ),
        migrations.RunSQL(FOLLOW, LEAVE),
        django.contrib.postgres.operations.AddConstraintNotValid(
            model_name='product',
            constraint=models.CheckConstraint(condition=models.Q(('vin', ''), ('on_hand__lte', 1), _connector='OR'), name='product_vin_is_one_unit'),
        ),
    ]
