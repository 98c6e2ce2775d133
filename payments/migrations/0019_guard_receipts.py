from django.db import migrations

from core.postgres.history import OnlyAdded


class Migration(migrations.Migration):

    dependencies = [
        ('payments', '0018_keep_receipts'),
    ]

    operations = [
        OnlyAdded(steps={'ended_at': None}).on('payments_fiscalspan'),
        OnlyAdded().on('payments_receiptline'),
        OnlyAdded().on('payments_receiptstep'),
    ]
