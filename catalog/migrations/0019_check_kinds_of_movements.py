from django.contrib.postgres.operations import ValidateConstraint
from django.db import migrations


class Migration(migrations.Migration):

    dependencies = [
        ('catalog', '0018_take_in_vehicles'),
    ]

    operations = [
        ValidateConstraint(model_name='stockmovement', name='movement_kind_known'),
    ]
