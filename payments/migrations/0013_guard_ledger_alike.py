from django.db import migrations

from core.postgres.history import OnlyAdded


class Migration(migrations.Migration):

    dependencies = [
        ('payments', '0012_check_secured_money'),
    ]

    operations = [
        OnlyAdded().on('payments_ledgerentry', instead_of='ledger_entry_append_only'),
        OnlyAdded().on('payments_ledgerline', instead_of='ledger_line_append_only'),
    ]
