from django.contrib.postgres.operations import ValidateConstraint
from django.db import migrations


class Migration(migrations.Migration):

    dependencies = [
        ('orders', '0026_know_earnest_money'),
    ]

    operations = [
        ValidateConstraint(model_name='depositagreement', name='deposit_kind_known'),
        ValidateConstraint(model_name='depositagreement', name='deposit_state_known'),
        ValidateConstraint(model_name='depositagreement', name='deposit_fault_known'),
        ValidateConstraint(model_name='depositagreement', name='deposit_fault_by_two'),
        ValidateConstraint(model_name='depositagreement', name='deposit_fault_stated'),
    ]
