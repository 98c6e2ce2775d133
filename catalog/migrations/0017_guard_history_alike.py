from django.db import migrations

from core.postgres.history import OnlyAdded


class Migration(migrations.Migration):

    dependencies = [
        ('catalog', '0016_keep_columns_of_imports'),
    ]

    operations = [
        OnlyAdded().on('catalog_stockmovement', instead_of='stock_movement_append_only'),
        OnlyAdded().on('catalog_pricechange', instead_of='price_change_append_only'),
    ]
