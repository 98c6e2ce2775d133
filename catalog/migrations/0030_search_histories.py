from django.contrib.postgres.operations import AddIndexConcurrently
from django.db import migrations, models


class Migration(migrations.Migration):

    atomic = False

    dependencies = [
        ('catalog', "0029_check_grounds_of_categories"),
    ]

    operations = [
        AddIndexConcurrently(
            model_name='pricechange',
            index=models.Index(fields=['at', 'id'], name='price_change_by_at'),
        ),
        AddIndexConcurrently(
            model_name='pricechange',
            index=models.Index(fields=['actor', 'at', 'id'], name='price_change_by_actor'),
        ),
        AddIndexConcurrently(
            model_name='stockmovement',
            index=models.Index(fields=['created_at', 'id'], name='movement_by_created_at'),
        ),
        AddIndexConcurrently(
            model_name='stockmovement',
            index=models.Index(fields=['actor', 'created_at', 'id'], name='movement_by_actor'),
        ),
        AddIndexConcurrently(
            model_name='stockmovement',
            index=models.Index(condition=models.Q(('order_id__isnull', False)), fields=['order_id'], name='movement_by_order'),
        ),
    ]
