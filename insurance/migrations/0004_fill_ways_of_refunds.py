"""Until now every refund of a policy bought within an order went back by that order's payments."""

from django.db import migrations

FILL = """
UPDATE insurance_moneyrequest AS m SET order_id = p.order_id FROM insurance_policy AS p
WHERE p.id = m.policy_id AND m.kind = 'refund' AND p.attempt_id IS NOT NULL
"""


class Migration(migrations.Migration):
    dependencies = [("insurance", "0003_schedule_cancellations_and_split_refunds")]
    operations = [migrations.RunSQL(FILL, migrations.RunSQL.noop)]
