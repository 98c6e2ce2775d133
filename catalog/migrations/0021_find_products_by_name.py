import django.contrib.postgres.operations
import django.db.models.functions.text
from django.db import migrations, models


class Migration(migrations.Migration):

    atomic = False

    dependencies = [
        ('catalog', '0020_know_how_products_are_taxed'),
    ]

    operations = [
        django.contrib.postgres.operations.AddIndexConcurrently(
            model_name='product',
            index=models.Index(django.db.models.functions.text.Upper(django.db.models.functions.text.Trim('name')), name='product_by_name'),
        ),
    ]
