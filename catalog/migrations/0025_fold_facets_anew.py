from django.db import migrations

# Bits are kept of more values from now on: each product is folded again, and counted from a sample until it is.
_ALL = """
INSERT INTO catalog_facet_change (product_id) SELECT id FROM catalog_product WHERE deleted_at IS NULL
"""


class Migration(migrations.Migration):

    dependencies = [
        ('catalog', '0024_count_more_facets'),
    ]

    operations = [
        migrations.RunSQL(_ALL, migrations.RunSQL.noop),
    ]
