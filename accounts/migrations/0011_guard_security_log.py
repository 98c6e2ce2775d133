from django.db import migrations

from core.postgres.history import Lapse, OnlyAdded


class Migration(migrations.Migration):

    dependencies = [
        ('accounts', '0010_find_closing'),
    ]

    operations = [
        OnlyAdded(
            words=('address', 'device', 'details'), lapses=(Lapse('at', 365), Lapse('at', 30, without='user_id'))
        ).on('accounts_activity'),
    ]
