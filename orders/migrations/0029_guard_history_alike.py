from django.db import migrations

from core.postgres.history import OnlyAdded


class Migration(migrations.Migration):

    dependencies = [
        ('orders', '0028_find_waiting_deposits'),
    ]

    operations = [
        OnlyAdded(words=('reason', 'data', 'before', 'after')).on(
            'orders_orderhistory', instead_of='order_history_append_only'
        ),
        OnlyAdded(words=('facts', 'facts_hash')).on('orders_document', instead_of='order_document_append_only'),
        OnlyAdded(goes=True).on('orders_documentfile', instead_of='order_document_file_append_only'),
    ]
