from django.contrib.postgres.operations import ValidateConstraint
from django.db import migrations


class Migration(migrations.Migration):

    dependencies = [
        ('orders', '0019_take_back_what_was_sold'),
    ]

    operations = [
        ValidateConstraint(model_name='order', name='order_trade_in_owed_not_negative'),
    ]
