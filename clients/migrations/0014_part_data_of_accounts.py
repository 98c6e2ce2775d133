from django.db import migrations

FILLED = (
    'email', 'phone', 'inn', 'kpp', 'ogrn', 'address', 'industry', 'description', 'preferred_channel',
    'preferred_language',
)
CROSSING = """
FROM clients_merge m JOIN clients_client o ON o.id = m.other_id, clients_client k
WHERE k.id = m.kept_id AND m.undone_at IS NULL AND k.user_id <> o.user_id
"""
"""Merges that stand between cards of two accounts: a missing account is none of two."""
FORGET_KEYS = f"""
DELETE FROM clients_clientkey c USING (SELECT m.kept_id, m.filled {CROSSING}) AS crossing
WHERE c.client_id = crossing.kept_id AND c.kind IN ('phone', 'email', 'inn') AND c.key = crossing.filled ->> c.kind
    AND NOT EXISTS (SELECT 1 FROM clients_contact held WHERE held.client_id = c.client_id AND held.value = c.key)
"""
GIVE_BACK = """
UPDATE clients_client SET {name} = '', version = version + 1
WHERE {name} <> '' AND EXISTS (
    SELECT 1 FROM clients_merge m JOIN clients_client o ON o.id = m.other_id
    WHERE m.kept_id = clients_client.id AND m.undone_at IS NULL AND o.user_id <> clients_client.user_id
        AND m.filled ->> '{name}' = clients_client.{name})
"""
FORGET_FILLED = f"UPDATE clients_merge SET filled = '{{}}' WHERE id IN (SELECT m.id {CROSSING}) AND filled <> '{{}}'"


class Migration(migrations.Migration):

    dependencies = [
        ('clients', '0013_find_vehicles_by_plate'),
    ]

    operations = [
        migrations.RunSQL(sql, migrations.RunSQL.noop)
        for sql in (FORGET_KEYS, *(GIVE_BACK.format(name=name) for name in FILLED), FORGET_FILLED)
    ]
