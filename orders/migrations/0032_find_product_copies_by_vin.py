from django.contrib.postgres.operations import AddIndexConcurrently
from django.db import migrations, models


class Migration(migrations.Migration):

    atomic = False

    dependencies = [
        ('orders', '0031_keep_trade_ins'),
    ]

    operations = [
        AddIndexConcurrently(
            model_name='productcopy',
            index=models.Index(condition=models.Q(('vin', ''), _negated=True), fields=['vin'], name='product_copy_by_vin'),
        ),
    ]
