"""Claims that were there before are checked apart, so that nobody who reports one waits."""

from core.postgres.migrations import ValidateForeignKey
from django.db import migrations


class Migration(migrations.Migration):

    dependencies = [
        ('insurance', '0008_fill_policy_terms'),
    ]

    operations = [
        ValidateForeignKey('claim', 'terms'),
    ]
