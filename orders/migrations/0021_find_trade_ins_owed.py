from django.contrib.postgres.operations import AddIndexConcurrently
from django.db import migrations, models


class Migration(migrations.Migration):

    atomic = False

    dependencies = [
        ('orders', '0020_check_trade_ins_owed'),
    ]

    operations = [
        AddIndexConcurrently(
            model_name='order',
            index=models.Index(condition=models.Q(('trade_in_owed__gt', 0)), fields=['updated_at'], name='order_owes_a_trade_in'),
        ),
    ]
