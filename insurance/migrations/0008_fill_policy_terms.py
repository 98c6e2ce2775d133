"""Every policy that came into force has terms from then on, and others from each of its changes on; claims are pinned.

A bank that was named meanwhile is taken for the one of all the time before: when it was named is not known.
"""

from django.db import migrations

FILL = """
WITH made AS (
    SELECT p.id AS policy_id, 0 AS place, p.activated_at AS at,
           CASE WHEN p.variant = 0 THEN q.request ELSE q.variants -> (p.variant - 1) -> 'request' END AS asked
    FROM insurance_policy AS p JOIN insurance_quote AS q ON q.id = p.quote_id WHERE p.activated_at IS NOT NULL
    UNION ALL
    SELECT e.policy_id, e.number, e.applied_at, e.request FROM insurance_endorsement AS e
    JOIN insurance_policy AS p ON p.id = e.policy_id WHERE e.applied_at IS NOT NULL AND p.activated_at IS NOT NULL
), dated AS (
    SELECT *, row_number() OVER one AS number, max(at) OVER one AS starts_at FROM made
    WINDOW one AS (PARTITION BY policy_id ORDER BY place)
)
INSERT INTO insurance_policyterms (id, policy_id, number, starts_at, ends_at, recorded_at, coverage_amount,
                                   insured_value, deductible, beneficiary, drivers, settlement, widened)
SELECT gen_random_uuid(), d.policy_id, d.number, d.starts_at,
       lead(d.starts_at) OVER (PARTITION BY d.policy_id ORDER BY d.number), d.at,
       CASE WHEN p.insurance_type = 'kasko' THEN (d.asked ->> 'coverage_amount')::numeric ELSE p.coverage_amount END,
       CASE WHEN p.insurance_type = 'kasko'
            THEN coalesce(d.asked ->> 'vehicle_value', d.asked ->> 'coverage_amount')::numeric
            ELSE p.insured_value END,
       CASE WHEN p.insurance_type = 'kasko' THEN coalesce(d.asked ->> 'deductible', '0')::numeric
            ELSE p.deductible END,
       p.beneficiary,
       CASE WHEN jsonb_typeof(d.asked -> 'drivers') = 'array' THEN coalesce((
           SELECT jsonb_agg(jsonb_build_object('birth_date', named ->> 'birth_date',
                                               'licence_since', named ->> 'licence_since') ORDER BY place)
           FROM jsonb_array_elements(d.asked -> 'drivers') WITH ORDINALITY AS each (named, place)), '[]') END,
       coalesce(d.asked -> 'settlement', '{}'), '[]'
FROM dated AS d JOIN insurance_policy AS p ON p.id = d.policy_id
WHERE NOT EXISTS (SELECT FROM insurance_policyterms AS t WHERE t.policy_id = d.policy_id)
"""

PIN = """
UPDATE insurance_claim AS c SET terms_id = (
    SELECT t.id FROM insurance_policyterms AS t
    WHERE t.policy_id = c.policy_id AND (t.starts_at <= c.occurred_at OR t.number = 1)
    ORDER BY t.number DESC LIMIT 1)
WHERE c.terms_id IS NULL
"""


class Migration(migrations.Migration):

    dependencies = [
        ('insurance', '0007_add_policy_terms'),
    ]

    operations = [
        migrations.RunSQL(FILL, migrations.RunSQL.noop),
        migrations.RunSQL(PIN, migrations.RunSQL.noop),
    ]
