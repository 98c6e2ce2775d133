from django.contrib.postgres.operations import ValidateConstraint
from django.db import migrations


class Migration(migrations.Migration):

    dependencies = [
        ('payments', '0011_secure_earnest_money'),
    ]

    operations = [
        ValidateConstraint(model_name='ordertill', name='till_secures_no_less_than_nothing'),
    ]
