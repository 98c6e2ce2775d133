from django.contrib.postgres.operations import AddIndexConcurrently
from django.db import migrations, models


class Migration(migrations.Migration):

    atomic = False

    dependencies = [
        ('clients', '0014_part_data_of_accounts'),
    ]

    operations = [
        AddIndexConcurrently(
            model_name='consent',
            index=models.Index(fields=['recorded_at', 'id'], name='consent_by_recorded_at'),
        ),
        AddIndexConcurrently(
            model_name='consent',
            index=models.Index(condition=models.Q(('recorded_by__isnull', False)), fields=['recorded_by', 'recorded_at', 'id'], name='consent_by_recorder'),
        ),
        AddIndexConcurrently(
            model_name='consentproof',
            index=models.Index(fields=['at', 'id'], name='consent_proof_by_at'),
        ),
    ]
