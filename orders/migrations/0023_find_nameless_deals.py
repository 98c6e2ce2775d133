from django.contrib.postgres.operations import AddIndexConcurrently
from django.db import migrations, models


class Migration(migrations.Migration):

    atomic = False

    dependencies = [
        ('orders', '0022_remember_orders_of_deals'),
    ]

    operations = [
        AddIndexConcurrently(
            model_name='dealquote',
            index=models.Index(condition=models.Q(('customer_id', None), ('order_id', None)), fields=['created_at'], name='deal_quote_nameless'),
        ),
    ]
