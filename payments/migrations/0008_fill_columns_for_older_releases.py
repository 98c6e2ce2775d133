"""Give columns that older releases do not know a value of the database's own, so that those may insert."""

from decimal import Decimal
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('payments', '0007_keep_what_insurers_earned'),
    ]

    operations = [
        migrations.AlterField(
            model_name='ledgerentry',
            name='attempt',
            field=models.PositiveSmallIntegerField(db_default=1, default=1, verbose_name='attempt'),
        ),
        migrations.AlterField(
            model_name='ordertill',
            name='kept_amount',
            field=models.DecimalField(db_default=Decimal('0'), decimal_places=2, default=Decimal('0'), max_digits=14),
        ),
        migrations.AlterField(
            model_name='payment',
            name='is_hold',
            field=models.BooleanField(db_default=False, default=False, verbose_name='authorise only'),
        ),
        migrations.AlterField(
            model_name='payment',
            name='purpose',
            field=models.CharField(choices=[('order', 'order'), ('loan', 'loan'), ('policy', 'policy'), ('ticket', 'seat of a happening')], db_default='order', default='order', max_length=10, verbose_name='purpose'),
        ),
        migrations.AlterField(
            model_name='payout',
            name='payee',
            field=models.CharField(blank=True, db_default='', default='', max_length=100, verbose_name='payee, if not the customer'),
        ),
        migrations.AlterField(
            model_name='refund',
            name='past_refs',
            field=models.JSONField(db_default=models.Value([], models.JSONField()), default=list, verbose_name="provider's ids of earlier attempts"),
        ),
        migrations.AlterField(
            model_name='refund',
            name='source',
            field=models.CharField(choices=[('ours', 'ours'), ('provider', 'made at the provider'), ('dispute', 'lost dispute')], db_default='ours', default='ours', max_length=10, verbose_name='source'),
        ),
        migrations.AlterField(
            model_name='webhookevent',
            name='detail',
            field=models.CharField(blank=True, db_default='', default='', max_length=255, verbose_name='detail'),
        ),
        migrations.AlterField(
            model_name='webhookevent',
            name='notice',
            field=models.JSONField(db_default={}, default=dict, verbose_name='notice'),
        ),
    ]
