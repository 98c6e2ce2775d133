"""Add what the bank answers about a debit of a borrower's account."""

from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('financing', '0010_fill_columns_for_older_releases'),
    ]

    operations = [
        migrations.AddField(
            model_name='loanpayment',
            name='answered_by',
            field=models.UUIDField(null=True, verbose_name='answer brought by'),
        ),
        migrations.AddField(
            model_name='loanpayment',
            name='asked_at',
            field=models.DateTimeField(null=True, verbose_name='bank asked at'),
        ),
        migrations.AddField(
            model_name='loanpayment',
            name='connection',
            field=models.CharField(blank=True, db_default='', default='', max_length=30, verbose_name='connection'),
        ),
        migrations.AddField(
            model_name='loanpayment',
            name='recalled_at',
            field=models.DateTimeField(null=True, verbose_name='taken back by the bank at'),
        ),
        migrations.AddField(
            model_name='loanpayment',
            name='reference',
            field=models.CharField(blank=True, db_default='', default='', max_length=60, verbose_name='number at the bank'),
        ),
    ]
