from django.db import migrations

from core.postgres.history import Lapse, OnlyAdded


class Migration(migrations.Migration):

    dependencies = [
        ('gateway', '0003_add_readings'),
    ]

    operations = [
        OnlyAdded(words=('reader_address',), lapses=(Lapse('at', 3 * 365),)).on('gateway_reading'),
        OnlyAdded(
            words=('reason', 'evidence', 'args', 'decision_reason'),
            steps={'state': 'waiting', 'decided_by': None, 'decided_at': None, 'decision_reason': ''},
        ).on('gateway_approval'),
    ]
