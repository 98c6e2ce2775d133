from django.contrib.postgres.operations import AddIndexConcurrently
from django.db import migrations, models


class Migration(migrations.Migration):

    atomic = False

    dependencies = [
        ('gateway', '0005_know_people'),
    ]

    operations = [
        AddIndexConcurrently(
            model_name='approval',
            index=models.Index(fields=['asked_at', 'id'], name='approval_by_asked_at'),
        ),
        AddIndexConcurrently(
            model_name='approval',
            index=models.Index(condition=models.Q(('asked_by__isnull', False)), fields=['asked_by', 'asked_at', 'id'], name='approval_by_maker'),
        ),
        AddIndexConcurrently(
            model_name='approval',
            index=models.Index(condition=models.Q(('decided_at__isnull', False)), fields=['decided_at', 'id'], name='approval_by_decided_at'),
        ),
        AddIndexConcurrently(
            model_name='approval',
            index=models.Index(condition=models.Q(('decided_by__isnull', False)), fields=['decided_by', 'decided_at', 'id'], name='approval_by_decider'),
        ),
        AddIndexConcurrently(
            model_name='approval',
            index=models.Index(fields=['subject_id', 'id'], name='approval_by_subject'),
        ),
        AddIndexConcurrently(
            model_name='reading',
            index=models.Index(condition=models.Q(('subject_id__isnull', False)), fields=['subject_id', 'at'], name='reading_by_subject'),
        ),
    ]
