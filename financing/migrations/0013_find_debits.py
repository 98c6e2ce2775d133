"""Find debits that wait for a person, and those of the last days, without reading all payments."""

from django.contrib.postgres.operations import AddIndexConcurrently
from django.db import migrations, models


class Migration(migrations.Migration):

    atomic = False

    dependencies = [
        ('financing', '0012_fill_references_of_debits'),
    ]

    operations = [
        AddIndexConcurrently(
            model_name='loanpayment',
            index=models.Index(condition=models.Q(('method', 'account'), ('status', 'pending')), fields=['asked_at'], name='loan_debit_waiting'),
        ),
        AddIndexConcurrently(
            model_name='loanpayment',
            index=models.Index(condition=models.Q(('method', 'account'), ('status', 'received')), fields=['received_at'], name='loan_debit_received'),
        ),
        AddIndexConcurrently(
            model_name='loanpayment',
            index=models.Index(condition=models.Q(('recalled_at__isnull', False)), fields=['recalled_at'], name='loan_debit_recalled'),
        ),
    ]
