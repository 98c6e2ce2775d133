"""Say of debits counted before banks were asked that nobody recorded their numbers: `check_books` names those since."""

from django.db import migrations


class Migration(migrations.Migration):

    dependencies = [
        ('financing', '0011_add_debits'),
    ]

    operations = [
        migrations.RunSQL(
            "UPDATE financing_loanpayment SET reference = 'unrecorded'"
            " WHERE method = 'account' AND status IN ('received', 'reversed') AND reference = ''",
            migrations.RunSQL.noop,
        ),
    ]
