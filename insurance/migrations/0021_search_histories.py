from django.contrib.postgres.operations import AddIndexConcurrently
from django.db import migrations, models


class Migration(migrations.Migration):

    atomic = False

    dependencies = [
        ('insurance', '0020_price_short_terms'),
    ]

    operations = [
        AddIndexConcurrently(
            model_name='claimdocument',
            index=models.Index(fields=['created_at', 'id'], name='claim_paper_by_created_at'),
        ),
        AddIndexConcurrently(
            model_name='claimdocument',
            index=models.Index(fields=['uploaded_by', 'created_at', 'id'], name='claim_paper_by_uploader'),
        ),
        AddIndexConcurrently(
            model_name='claimhistory',
            index=models.Index(fields=['at', 'id'], name='claim_history_by_at'),
        ),
        AddIndexConcurrently(
            model_name='claimhistory',
            index=models.Index(condition=models.Q(('decided_by__isnull', False)), fields=['decided_by', 'at', 'id'], name='claim_history_by_decider'),
        ),
        AddIndexConcurrently(
            model_name='endorsement',
            index=models.Index(fields=['created_at', 'id'], name='endorsement_by_created_at'),
        ),
        AddIndexConcurrently(
            model_name='endorsement',
            index=models.Index(fields=['created_by', 'created_at', 'id'], name='endorsement_by_maker'),
        ),
        AddIndexConcurrently(
            model_name='policyterms',
            index=models.Index(fields=['recorded_at', 'id'], name='terms_by_recorded_at'),
        ),
        AddIndexConcurrently(
            model_name='tariffrevision',
            index=models.Index(condition=models.Q(('author_id__isnull', False)), fields=['author_id', 'created_at', 'number'], name='tariff_revision_by_author'),
        ),
    ]
