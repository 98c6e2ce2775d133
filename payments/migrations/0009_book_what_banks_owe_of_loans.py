"""Name what banks owe us of the money of loans."""

from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('payments', '0008_fill_columns_for_older_releases'),
    ]

    operations = [
        migrations.AlterField(
            model_name='ledgerentry',
            name='kind',
            field=models.CharField(choices=[('charge', 'payment'), ('refund_due', 'refund promised'), ('refund', 'refund'), ('refund_failed', 'refund failed'), ('refund_returned', 'refund came back'), ('loan', 'loan paid out'), ('loan_cancelled', 'loan cancelled'), ('loan_repayment', 'loan payment passed on'), ('loan_returned', 'loan money owed by its bank'), ('premium', 'premium'), ('premium_refund', 'premium returned'), ('claim', 'claim granted'), ('payout_due', 'payout instead of a refund'), ('payout', 'payout'), ('sale', 'sale')], max_length=20, verbose_name='kind'),
        ),
    ]
