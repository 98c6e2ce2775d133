from django.contrib.postgres.operations import ValidateConstraint
from django.db import migrations


class Migration(migrations.Migration):

    dependencies = [
        ('orders', '0036_keep_discounts'),
    ]

    operations = [
        ValidateConstraint(model_name='order', name='order_discounts_not_negative'),
        ValidateConstraint(model_name='orderline', name='line_price_is_list_less_discounts'),
    ]
