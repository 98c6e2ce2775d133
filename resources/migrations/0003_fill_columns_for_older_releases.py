"""Give columns that older releases do not know a value of the database's own, so that those may insert."""

import resources.models
from django.db import migrations, models

FILL = """
CREATE FUNCTION resources_fill_busy_span() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NEW.busy_from := coalesce(NEW.busy_from, NEW.starts_at);
    NEW.busy_until := coalesce(NEW.busy_until, NEW.ends_at);
    RETURN NEW;
END $$;
CREATE TRIGGER allocation_fill_busy_span BEFORE INSERT ON resources_allocation
    FOR EACH ROW WHEN (NEW.busy_from IS NULL OR NEW.busy_until IS NULL)
    EXECUTE FUNCTION resources_fill_busy_span()
"""
LEAVE = """
DROP TRIGGER allocation_fill_busy_span ON resources_allocation;
DROP FUNCTION resources_fill_busy_span()
"""


class Migration(migrations.Migration):

    dependencies = [
        ('resources', '0002_hours_buffers_and_bookings'),
    ]

    operations = [
        migrations.RunSQL(FILL, LEAVE),
        migrations.AlterField(
            model_name='resource',
            name='buffer_after',
            field=models.PositiveSmallIntegerField(db_default=0, default=0, verbose_name='minutes kept free after'),
        ),
        migrations.AlterField(
            model_name='resource',
            name='buffer_before',
            field=models.PositiveSmallIntegerField(db_default=0, default=0, verbose_name='minutes kept free before'),
        ),
        migrations.AlterField(
            model_name='resource',
            name='is_in_service',
            field=models.BooleanField(db_default=True, default=True, verbose_name='in service'),
        ),
        migrations.AlterField(
            model_name='resource',
            name='out_of_service_reason',
            field=models.TextField(blank=True, db_default='', default='', verbose_name='why it is out of service'),
        ),
        migrations.AlterField(
            model_name='resource',
            name='time_zone',
            field=models.CharField(db_default='Europe/Moscow', default=resources.models.dealer_time_zone, max_length=64, verbose_name='time zone'),
        ),
        migrations.AlterField(
            model_name='resourcetype',
            name='test_drive_role',
            field=models.CharField(blank=True, choices=[('car', 'car'), ('place', 'place'), ('staff', 'colleague')], db_default='', default='', max_length=5, verbose_name='part in a test drive'),
        ),
    ]
