from django.contrib.postgres.operations import AddIndexConcurrently
from django.db import migrations, models


class Migration(migrations.Migration):

    atomic = False

    dependencies = [
        ('financing', '0020_redate_signed_loans'),
    ]

    operations = [
        AddIndexConcurrently(
            model_name='loanentry',
            index=models.Index(fields=['created_at', 'id'], name='loan_entry_by_created_at'),
        ),
        AddIndexConcurrently(
            model_name='loanentry',
            index=models.Index(condition=models.Q(('made_by__isnull', False)), fields=['made_by', 'created_at', 'id'], name='loan_entry_by_maker'),
        ),
        AddIndexConcurrently(
            model_name='loanstagechange',
            index=models.Index(fields=['created_at', 'id'], name='loan_stage_by_created_at'),
        ),
        AddIndexConcurrently(
            model_name='loanstagechange',
            index=models.Index(condition=models.Q(('made_by__isnull', False)), fields=['made_by', 'created_at', 'id'], name='loan_stage_by_maker'),
        ),
        AddIndexConcurrently(
            model_name='loanversion',
            index=models.Index(fields=['created_at', 'id'], name='loan_version_by_created_at'),
        ),
        AddIndexConcurrently(
            model_name='loanversion',
            index=models.Index(condition=models.Q(('made_by__isnull', False)), fields=['made_by', 'created_at', 'id'], name='loan_version_by_maker'),
        ),
        AddIndexConcurrently(
            model_name='override',
            index=models.Index(fields=['proposed_by', 'proposed_at', 'id'], name='override_by_proposer'),
        ),
        AddIndexConcurrently(
            model_name='override',
            index=models.Index(condition=models.Q(('answered_at__isnull', False)), fields=['answered_at', 'id'], name='override_by_answered_at'),
        ),
        AddIndexConcurrently(
            model_name='override',
            index=models.Index(condition=models.Q(('answered_by__isnull', False)), fields=['answered_by', 'answered_at', 'id'], name='override_by_answerer'),
        ),
    ]
