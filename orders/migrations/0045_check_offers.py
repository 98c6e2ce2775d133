from django.contrib.postgres.operations import ValidateConstraint
from django.db import migrations


class Migration(migrations.Migration):

    dependencies = [
        ('orders', '0044_write_offers'),
    ]

    operations = [ValidateConstraint(model_name='documenttemplate', name='template_kind_known')]
