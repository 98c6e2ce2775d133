from django.contrib.postgres.operations import ValidateConstraint
from django.db import migrations


class Migration(migrations.Migration):

    dependencies = [
        ('accounts', '0006_add_pending_email'),
    ]

    operations = [
        ValidateConstraint(model_name='user', name='user_pending_email_is_another'),
    ]
