from django.db import migrations

from core.postgres.history import OnlyAdded


class Migration(migrations.Migration):

    dependencies = [
        ('clients', '0009_tell_of_returns'),
    ]

    operations = [
        OnlyAdded(words=('note',)).on('clients_consent', instead_of='consent_append_only'),
    ]
