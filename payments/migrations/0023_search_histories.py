from django.contrib.postgres.operations import AddIndexConcurrently
from django.db import migrations, models


class Migration(migrations.Migration):

    atomic = False

    dependencies = [
        ('payments', '0022_fill_history_of_requisites'),
    ]

    operations = [
        AddIndexConcurrently(
            model_name='fiscalspan',
            index=models.Index(fields=['began_at', 'id'], name='fiscal_span_by_began_at'),
        ),
        AddIndexConcurrently(
            model_name='legalentityrevision',
            index=models.Index(fields=['at', 'id'], name='requisites_by_at'),
        ),
        AddIndexConcurrently(
            model_name='legalentityrevision',
            index=models.Index(condition=models.Q(('made_by__isnull', False)), fields=['made_by', 'at', 'id'], name='requisites_by_maker'),
        ),
        AddIndexConcurrently(
            model_name='legalentityrevision',
            index=models.Index(condition=models.Q(('agreed_by__isnull', False)), fields=['agreed_by', 'at', 'id'], name='requisites_by_agreed'),
        ),
        AddIndexConcurrently(
            model_name='receiptstep',
            index=models.Index(fields=['at', 'id'], name='receipt_step_by_at'),
        ),
        AddIndexConcurrently(
            model_name='receiptstep',
            index=models.Index(condition=models.Q(('actor_id__isnull', False)), fields=['actor_id', 'at', 'id'], name='receipt_step_by_actor'),
        ),
    ]
