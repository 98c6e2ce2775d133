"""Give columns that older releases do not know a value of the database's own, so that those may insert."""

import financing.models.fields
from decimal import Decimal
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('financing', '0009_add_limits_and_premiums'),
    ]

    operations = [
        migrations.AlterField(
            model_name='loan',
            name='allocation_order',
            field=models.JSONField(db_default=models.Value(['overdue_interest', 'overdue_principal', 'penalty', 'interest', 'principal', 'other'], models.JSONField()), default=financing.models.fields.legal_order, verbose_name='what money is spent on, in order'),
        ),
        migrations.AlterField(
            model_name='loan',
            name='balloon',
            field=models.DecimalField(db_default=Decimal('0'), decimal_places=2, default=Decimal('0'), max_digits=14, verbose_name='residual payment'),
        ),
        migrations.AlterField(
            model_name='loan',
            name='bank',
            field=models.CharField(blank=True, db_default='', default='', max_length=120, verbose_name='bank'),
        ),
        migrations.AlterField(
            model_name='loan',
            name='days_past_due',
            field=models.PositiveIntegerField(db_default=0, default=0, verbose_name='days past due'),
        ),
        migrations.AlterField(
            model_name='loan',
            name='deposit',
            field=models.DecimalField(db_default=Decimal('0'), decimal_places=2, default=Decimal('0'), max_digits=14, verbose_name='waits for the next payment'),
        ),
        migrations.AlterField(
            model_name='loan',
            name='is_interest_on_overdue',
            field=models.BooleanField(db_default=False, default=False, verbose_name='interest runs on overdue principal'),
        ),
        migrations.AlterField(
            model_name='loan',
            name='next_payment',
            field=models.DecimalField(db_default=Decimal('0'), decimal_places=2, default=Decimal('0'), max_digits=14, verbose_name='next payment'),
        ),
        migrations.AlterField(
            model_name='loan',
            name='overdue_amount',
            field=models.DecimalField(db_default=Decimal('0'), decimal_places=2, default=Decimal('0'), max_digits=14, verbose_name='overdue'),
        ),
        migrations.AlterField(
            model_name='loan',
            name='penalty_amount',
            field=models.DecimalField(db_default=Decimal('0'), decimal_places=2, default=Decimal('0'), max_digits=14, verbose_name='penalty'),
        ),
        migrations.AlterField(
            model_name='loan',
            name='penalty_daily_percent',
            field=models.DecimalField(db_default=Decimal('0'), decimal_places=4, default=Decimal('0'), max_digits=8, verbose_name='penalty, % a day of what is overdue'),
        ),
        migrations.AlterField(
            model_name='loan',
            name='schedule_version',
            field=models.PositiveSmallIntegerField(db_default=1, default=1, verbose_name='version of the schedule'),
        ),
        migrations.AlterField(
            model_name='loan',
            name='written_off_amount',
            field=models.DecimalField(db_default=Decimal('0'), decimal_places=2, default=Decimal('0'), max_digits=14, verbose_name='written off'),
        ),
        migrations.AlterField(
            model_name='loanschedulerow',
            name='version',
            field=models.PositiveSmallIntegerField(db_default=1, default=1, verbose_name='version'),
        ),
        migrations.AlterField(
            model_name='programme',
            name='allocation_order',
            field=models.JSONField(db_default=models.Value(['overdue_interest', 'overdue_principal', 'penalty', 'interest', 'principal', 'other'], models.JSONField()), default=financing.models.fields.legal_order, verbose_name='what money is spent on, in order'),
        ),
        migrations.AlterField(
            model_name='programme',
            name='is_interest_on_overdue',
            field=models.BooleanField(db_default=False, default=False, verbose_name='interest runs on overdue principal'),
        ),
        migrations.AlterField(
            model_name='programme',
            name='penalty_daily_percent',
            field=models.DecimalField(db_default=Decimal('0.1'), decimal_places=4, default=Decimal('0.1'), max_digits=8, verbose_name='penalty, % a day of what is overdue'),
        ),
    ]
