"""Find applications that a bank has not answered without reading all offers."""

from django.contrib.postgres.operations import AddIndexConcurrently
from django.db import migrations, models


class Migration(migrations.Migration):

    atomic = False

    dependencies = [
        ('financing', '0013_find_debits'),
    ]

    operations = [
        AddIndexConcurrently(
            model_name='bankoffer',
            index=models.Index(condition=models.Q(('status', 'asked')), fields=['asked_at'], name='bank_offer_asked'),
        ),
    ]
