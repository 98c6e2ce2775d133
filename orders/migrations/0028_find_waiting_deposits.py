from django.contrib.postgres.operations import AddIndexConcurrently
from django.db import migrations, models


class Migration(migrations.Migration):

    atomic = False

    dependencies = [
        ('orders', '0027_check_earnest_money'),
    ]

    operations = [
        AddIndexConcurrently(
            model_name='depositagreement',
            index=models.Index(condition=models.Q(('state', 'waiting')), fields=['waiting_since'], name='deposit_waiting'),
        ),
    ]
