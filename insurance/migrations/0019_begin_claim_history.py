from django.db import migrations

BEGIN = """
INSERT INTO insurance_claimhistory (claim_id, status, changes, reason, decided_by, version, at)
SELECT id, status, stood.changes, reason, decided_by, version, updated_at
FROM insurance_claim AS claim, LATERAL (
    SELECT jsonb_object_agg(name, jsonb_build_array(NULL, to_jsonb(claim) -> name)) AS changes
    FROM unnest(ARRAY['status', 'kind', 'amount', 'approved_amount', 'decided_by', 'paid_amount']) AS name
    WHERE to_jsonb(claim) -> name <> 'null'::jsonb
) AS stood
WHERE NOT EXISTS (SELECT FROM insurance_claimhistory AS noted WHERE noted.claim_id = claim.id)
ORDER BY claim.id
"""


class Migration(migrations.Migration):
    """Claims that are older than their history begin it with what stood when it began."""

    dependencies = [
        ('insurance', '0018_guard_histories'),
    ]

    operations = [
        migrations.RunSQL(BEGIN, migrations.RunSQL.noop),
    ]
