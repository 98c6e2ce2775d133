from django.contrib.postgres.operations import AddIndexConcurrently
from django.db import migrations, models


class Migration(migrations.Migration):

    atomic = False

    dependencies = [
        ('resources', '0004_know_sold_vehicles'),
    ]

    operations = [
        AddIndexConcurrently(
            model_name='resource',
            index=models.Index(condition=models.Q(('product_id__isnull', False)), fields=['product_id'], name='resource_of_product'),
        ),
    ]
