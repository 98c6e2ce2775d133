from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('orders', '0021_find_trade_ins_owed'),
    ]

    operations = [
        migrations.AddField(
            model_name='dealquote',
            name='order_id',
            field=models.UUIDField(null=True, verbose_name='order'),
        ),
    ]
