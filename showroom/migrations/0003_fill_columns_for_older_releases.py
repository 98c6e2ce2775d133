"""Give columns that older releases do not know a value of the database's own, so that those may insert."""

import showroom.models.happenings
from decimal import Decimal
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('showroom', '0002_seats_kept_and_test_drives'),
    ]

    operations = [
        migrations.AlterField(
            model_name='happening',
            name='currency',
            field=models.CharField(db_default='RUB', default='RUB', max_length=3, verbose_name='currency'),
        ),
        migrations.AlterField(
            model_name='happening',
            name='offer_hours',
            field=models.PositiveSmallIntegerField(db_default=24, verbose_name='hours a seat is kept for its payer or the next in line'),
        ),
        migrations.AlterField(
            model_name='happening',
            name='price',
            field=models.DecimalField(db_default=Decimal('0.00'), decimal_places=2, default=Decimal('0.00'), max_digits=14, verbose_name='price of a seat'),
        ),
        migrations.AlterField(
            model_name='happening',
            name='time_zone',
            field=models.CharField(db_default='Europe/Moscow', default=showroom.models.happenings.dealer_time_zone, max_length=64, verbose_name='time zone'),
        ),
        migrations.AlterField(
            model_name='registration',
            name='check_in_code',
            field=models.CharField(blank=True, db_default='', default='', max_length=8, verbose_name='code for the door'),
        ),
        migrations.AlterField(
            model_name='registration',
            name='currency',
            field=models.CharField(db_default='RUB', default='RUB', max_length=3, verbose_name='currency'),
        ),
        migrations.AlterField(
            model_name='registration',
            name='payment_failure',
            field=models.CharField(blank=True, db_default='', default='', max_length=100, verbose_name='why the payment failed'),
        ),
        migrations.AlterField(
            model_name='registration',
            name='payment_state',
            field=models.CharField(choices=[('none', 'nothing paid'), ('pending', 'being paid'), ('failed', 'payment refused'), ('paid', 'paid'), ('refunding', 'being refunded'), ('refunded', 'refunded')], db_default='none', default='none', max_length=9, verbose_name='payment'),
        ),
        migrations.AlterField(
            model_name='registration',
            name='price',
            field=models.DecimalField(db_default=Decimal('0.00'), decimal_places=2, default=Decimal('0.00'), max_digits=14, verbose_name='price'),
        ),
    ]
