import django.contrib.postgres.indexes
import django.db.models.functions.text
from decimal import Decimal
from django.contrib.postgres.operations import TrigramExtension
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('orders', '0009_add_carts'),
    ]

    operations = [
        TrigramExtension(),
        migrations.AddField(
            model_name='orderpayment',
            name='asked_back',
            field=models.DecimalField(db_default=Decimal('0'), decimal_places=2, default=Decimal('0'), max_digits=14),
        ),
        migrations.AddIndex(
            model_name='orderline',
            index=django.contrib.postgres.indexes.GinIndex(django.contrib.postgres.indexes.OpClass(django.db.models.functions.text.Upper('name'), 'gin_trgm_ops'), name='line_name_search'),
        ),
        migrations.AddIndex(
            model_name='orderline',
            index=models.Index(fields=['sku'], name='line_by_sku'),
        ),
    ]
