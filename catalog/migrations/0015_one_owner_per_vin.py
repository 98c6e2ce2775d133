"""One VIN binds one line at a time; a stock that already breaks the one-unit rule stays visible to `check_books`."""

from django.db import migrations, models

from core.postgres.migrations import AddUniqueConstraintConcurrently

VALIDATE = """
DO $$ BEGIN
    ALTER TABLE catalog_product VALIDATE CONSTRAINT product_vin_is_one_unit;
EXCEPTION WHEN check_violation THEN
    RAISE WARNING 'several units of one VIN are held for orders: see check_books';
END $$
"""


class Migration(migrations.Migration):

    atomic = False
    allowed = {
        "unknown_operation": "the program validates one constraint, and bears stock that breaks it",
        "mixed_transaction": "a validation is repeated without harm when the migration is",
    }

    dependencies = [
        ('catalog', '0014_fill_vins_of_lines'),
    ]

    operations = [
        AddUniqueConstraintConcurrently(
            model_name='reservationline',
            constraint=models.UniqueConstraint(condition=models.Q(('binds', True), models.Q(('vin', ''), _negated=True)), fields=('vin',), name='reservation_line_one_owner_per_vin'),
        ),
        migrations.RunSQL(VALIDATE, migrations.RunSQL.noop),
    ]
