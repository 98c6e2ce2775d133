from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('orders', '0048_find_deals_by_order'),
    ]

    operations = [
        migrations.AddField(
            model_name='orderline',
            name='cost_by',
            field=models.UUIDField(null=True),
        ),
        migrations.AddField(
            model_name='productcost',
            name='said_by',
            field=models.UUIDField(null=True),
        ),
    ]
