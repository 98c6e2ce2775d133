from django.db import migrations

_COLUMNS = (
    'kind', 'make', 'year', 'price', 'condition', 'category_id', 'body', 'fuel', 'mileage', 'is_active',
    'is_available',
)
_MORE = ('transmission', 'drive', 'color', 'power_hp', 'currency')

# A change of what facets are counted by is noted, by a trigger that replaces the one of 0008.
_NOTE = """
CREATE OR REPLACE TRIGGER product_facets_of_changed AFTER UPDATE ON catalog_product
    FOR EACH ROW WHEN (
        (%s, OLD.deleted_at IS NULL) IS DISTINCT FROM (%s, NEW.deleted_at IS NULL)
    ) EXECUTE FUNCTION catalog_note_facets_of_row()
"""


def note(columns):
    return _NOTE % (
        ', '.join(f'OLD.{name}' for name in columns), ', '.join(f'NEW.{name}' for name in columns)
    )


class Migration(migrations.Migration):

    dependencies = [
        ('catalog', '0023_keep_currency_of_old_prices'),
    ]

    operations = [
        migrations.RunSQL(note(_COLUMNS + _MORE), note(_COLUMNS)),
    ]
