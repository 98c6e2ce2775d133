from django.contrib.postgres.operations import AddIndexConcurrently
from django.db import migrations, models


class Migration(migrations.Migration):

    atomic = False

    dependencies = [
        ('orders', "0051_know_grounds_of_exemptions"),
    ]

    operations = [
        AddIndexConcurrently(
            model_name='commission',
            index=models.Index(fields=['at', 'id'], name='commission_by_at'),
        ),
        AddIndexConcurrently(
            model_name='commission',
            index=models.Index(condition=models.Q(('actor_id__isnull', False)), fields=['actor_id', 'at', 'id'], name='commission_by_actor'),
        ),
        AddIndexConcurrently(
            model_name='commission',
            index=models.Index(condition=models.Q(('agreed_by__isnull', False)), fields=['agreed_by', 'at', 'id'], name='commission_by_agreed'),
        ),
        AddIndexConcurrently(
            model_name='commissionrule',
            index=models.Index(fields=['at', 'id'], name='commission_rule_by_at'),
        ),
        AddIndexConcurrently(
            model_name='commissionrule',
            index=models.Index(fields=['made_by', 'at', 'id'], name='commission_rule_by_maker'),
        ),
        AddIndexConcurrently(
            model_name='commissionrule',
            index=models.Index(fields=['agreed_by', 'at', 'id'], name='commission_rule_by_agreed'),
        ),
        AddIndexConcurrently(
            model_name='document',
            index=models.Index(fields=['issued_at', 'id'], name='document_by_issued_at'),
        ),
        AddIndexConcurrently(
            model_name='document',
            index=models.Index(fields=['issued_by', 'issued_at', 'id'], name='document_by_issuer'),
        ),
        AddIndexConcurrently(
            model_name='documentsignature',
            index=models.Index(fields=['signed_at', 'id'], name='signature_by_signed_at'),
        ),
        AddIndexConcurrently(
            model_name='documentsignature',
            index=models.Index(fields=['signer_id', 'signed_at', 'id'], name='signature_by_signer'),
        ),
        AddIndexConcurrently(
            model_name='issueddocument',
            index=models.Index(fields=['issued_by', 'issued_at', 'id'], name='issued_document_by_issuer'),
        ),
        AddIndexConcurrently(
            model_name='offerhistory',
            index=models.Index(fields=['at', 'id'], name='offer_history_by_at'),
        ),
        AddIndexConcurrently(
            model_name='offerhistory',
            index=models.Index(condition=models.Q(('actor_id__isnull', False)), fields=['actor_id', 'at', 'id'], name='offer_history_by_actor'),
        ),
        AddIndexConcurrently(
            model_name='orderdiscount',
            index=models.Index(fields=['at', 'id'], name='discount_by_at'),
        ),
        AddIndexConcurrently(
            model_name='orderdiscount',
            index=models.Index(fields=['actor_id', 'at', 'id'], name='discount_by_actor'),
        ),
        AddIndexConcurrently(
            model_name='orderhistory',
            index=models.Index(fields=['at', 'id'], name='history_by_at'),
        ),
        AddIndexConcurrently(
            model_name='orderhistory',
            index=models.Index(condition=models.Q(('actor_id__isnull', False)), fields=['actor_id', 'at', 'id'], name='history_by_actor'),
        ),
    ]
