from django.db import migrations

from core.postgres.history import OnlyAdded


class Migration(migrations.Migration):
    """A schedule may be given the reason of a write-off by the release before, where it has none of its own."""

    dependencies = [
        ('financing', '0015_note_why_loans_are_written_off'),
    ]

    operations = [
        OnlyAdded(words=('reason',)).on('financing_loanentry'),
        OnlyAdded().on('financing_loanline'),
        OnlyAdded().on('financing_loanschedulerow'),
        OnlyAdded(words=('reason',), steps={'cancelled_at': None, 'reason': '', 'made_by': None}).on(
            'financing_loanversion'
        ),
        OnlyAdded(
            words=('reason', 'reasons', 'note'),
            steps={'status': 'proposed', 'answered_by': None, 'answered_at': None, 'note': ''},
        ).on('financing_override'),
    ]
