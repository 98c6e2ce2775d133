from django.contrib.postgres.operations import AddIndexConcurrently
from django.db import migrations, models


class Migration(migrations.Migration):

    atomic = False

    dependencies = [
        ('orders', '0047_name_sellers_of_offers'),
    ]

    operations = [
        AddIndexConcurrently(
            model_name='dealquote',
            index=models.Index(
                condition=models.Q(('order_id', None), _negated=True), fields=['order_id'], name='deal_quote_by_order'
            ),
        ),
    ]
