from django.db import migrations

FILL = """
INSERT INTO payments_legalentityrevision (entity_id, facts, is_retired, at)
SELECT id, jsonb_build_object(
    'code', code, 'name', name, 'inn', inn, 'kpp', kpp, 'ogrn', ogrn, 'bank_name', bank_name, 'bik', bik,
    'account', account, 'correspondent_account', correspondent_account, 'regimes', regimes, 'is_default', is_default
), deleted_at IS NOT NULL, updated_at
FROM payments_legalentity
"""


class Migration(migrations.Migration):

    dependencies = [
        ('payments', '0021_keep_history_of_requisites'),
    ]

    operations = [
        migrations.RunSQL(FILL, migrations.RunSQL.noop),
    ]
