from django.contrib.postgres.operations import ValidateConstraint
from django.db import migrations


class Migration(migrations.Migration):

    dependencies = [
        ('orders', '0012_keep_why_stock_is_held'),
    ]

    operations = [
        ValidateConstraint(model_name='order', name='order_hold_kind_known'),
    ]
