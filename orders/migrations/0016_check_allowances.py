from django.contrib.postgres.operations import ValidateConstraint
from django.db import migrations


class Migration(migrations.Migration):

    dependencies = [
        ('orders', '0015_note_allowances'),
    ]

    operations = [
        ValidateConstraint(model_name='order', name='order_allowances_not_negative'),
    ]
