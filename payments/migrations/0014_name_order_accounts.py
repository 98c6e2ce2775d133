"""Name an order's account as bookkeepers do; its table and constraints keep their names, so no database is touched."""

from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("payments", "0013_guard_ledger_alike")]

    operations = [
        migrations.SeparateDatabaseAndState(
            state_operations=[
                migrations.RenameModel("OrderTill", "OrderAccount"),
                migrations.AlterModelTable("OrderAccount", "payments_ordertill"),
                migrations.AlterModelOptions(
                    "OrderAccount", {"verbose_name": "order account", "verbose_name_plural": "order accounts"}
                ),
            ]
        )
    ]
