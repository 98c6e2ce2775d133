"""A car has one policy of a kind at a time; policies that are there are told apart by the next migration."""

import django.contrib.postgres.constraints
import django.contrib.postgres.fields.ranges
import django.db.models.functions.comparison
import insurance.models.policies
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('insurance', '0010_confirm_kinds_of_claims'),
    ]

    allowed = {
        'blocking_constraint': 'an exclusion constraint is never built beside writers, and its condition holds for no row yet',
    }
    operations = [
        migrations.AddField(
            model_name='policy',
            name='is_sole',
            field=models.BooleanField(db_default=False, default=False, verbose_name='the only one of its kind for the car'),
        ),
        migrations.AddConstraint(
            model_name='policy',
            constraint=django.contrib.postgres.constraints.ExclusionConstraint(condition=models.Q(('is_sole', True), ('status__in', ('active', 'cancel_scheduled', 'suspended'))), expressions=[('vehicle_vin', '='), ('insurance_type', '='), (insurance.models.policies._Days('start_date', django.db.models.functions.comparison.Greatest('start_date', django.db.models.functions.comparison.Coalesce('cancel_date', 'end_date')), django.contrib.postgres.fields.ranges.RangeBoundary(inclusive_lower=True, inclusive_upper=True)), '&&')], name='one_policy_of_a_kind_per_car'),
        ),
    ]
