"""Give columns that older releases do not know a value of the database's own, so that those may insert."""

import django.db.models.functions.comparison
import django.db.models.functions.datetime
from decimal import Decimal
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('orders', '0013_check_kinds_of_holds'),
    ]

    operations = [
        migrations.AlterField(
            model_name='checkout',
            name='parked_from',
            field=models.CharField(blank=True, choices=[('running', 'running'), ('waiting', 'waiting for the buyer'), ('compensating', 'being undone'), ('completed', 'completed'), ('compensated', 'undone'), ('parked', 'parked')], db_default='', default='', max_length=15),
        ),
        migrations.AlterField(
            model_name='checkoutleg',
            name='attempts',
            field=models.PositiveSmallIntegerField(db_default=0, default=0, verbose_name='requests sent'),
        ),
        migrations.AlterField(
            model_name='checkoutleg',
            name='parked_reason',
            field=models.TextField(blank=True, db_default='', default='', verbose_name='why it is parked'),
        ),
        migrations.AlterField(
            model_name='order',
            name='funding',
            field=models.JSONField(db_default=models.Value([], models.JSONField()), default=list, verbose_name='how it is paid for'),
        ),
        migrations.AlterField(
            model_name='order',
            name='placed_date',
            field=models.DateField(db_default=django.db.models.functions.comparison.Cast(django.db.models.functions.datetime.Now(), models.DateField()), verbose_name='day of the sale'),
        ),
        migrations.AlterField(
            model_name='order',
            name='returned_premiums',
            field=models.DecimalField(db_default=Decimal('0'), decimal_places=2, default=Decimal('0'), max_digits=14, verbose_name='premiums given back'),
        ),
        migrations.AlterField(
            model_name='order',
            name='trade_in_credit',
            field=models.DecimalField(db_default=Decimal('0'), decimal_places=2, default=Decimal('0'), max_digits=14, verbose_name='trade-in'),
        ),
        migrations.AlterField(
            model_name='orderhistory',
            name='after',
            field=models.JSONField(db_default={}, default=dict),
        ),
        migrations.AlterField(
            model_name='orderhistory',
            name='before',
            field=models.JSONField(db_default={}, default=dict),
        ),
        migrations.AlterField(
            model_name='orderline',
            name='vin',
            field=models.CharField(blank=True, db_default='', default='', max_length=17),
        ),
        migrations.AlterField(
            model_name='orderpayment',
            name='method',
            field=models.CharField(blank=True, db_default='', default='', max_length=20),
        ),
        migrations.AlterField(
            model_name='productcopy',
            name='vin',
            field=models.CharField(blank=True, db_default='', default='', max_length=17),
        ),
    ]
