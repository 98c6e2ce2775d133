"""Terms of policies as a dated history, and the ones that a claim is settled by."""

import core.ids
import django.contrib.postgres.constraints
import django.contrib.postgres.fields.ranges
import django.db.models.deletion
import insurance.models.terms
from core.postgres.migrations import AddForeignKeyNotValid
from django.contrib.postgres.operations import BtreeGistExtension
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('insurance', '0006_fill_columns_for_older_releases'),
    ]

    operations = [
        BtreeGistExtension(),
        migrations.CreateModel(
            name='PolicyTerms',
            fields=[
                ('id', models.UUIDField(default=core.ids.uuid7, editable=False, primary_key=True, serialize=False)),
                ('number', models.PositiveSmallIntegerField(verbose_name='number')),
                ('starts_at', models.DateTimeField(verbose_name='from')),
                ('ends_at', models.DateTimeField(null=True, verbose_name='until')),
                ('recorded_at', models.DateTimeField(verbose_name='written down at')),
                ('coverage_amount', models.DecimalField(decimal_places=2, max_digits=14, verbose_name='sum insured')),
                ('insured_value', models.DecimalField(decimal_places=2, max_digits=14, verbose_name='insured value')),
                ('deductible', models.DecimalField(decimal_places=2, max_digits=14, verbose_name='deductible')),
                ('beneficiary', models.CharField(blank=True, default='', max_length=100, verbose_name='beneficiary')),
                ('drivers', models.JSONField(null=True, verbose_name='drivers')),
                ('settlement', models.JSONField(default=dict, verbose_name='how losses are settled')),
                ('widened', models.JSONField(default=list, verbose_name='covers more in')),
                ('policy', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='terms', to='insurance.policy', verbose_name='policy')),
            ],
            options={
                'verbose_name': 'terms of a policy',
                'verbose_name_plural': 'terms of policies',
                'ordering': ['number'],
            },
        ),
        AddForeignKeyNotValid(
            model_name='claim',
            name='terms',
            field=models.ForeignKey(db_index=False, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='claims', to='insurance.policyterms', verbose_name='terms of that moment'),
        ),
        migrations.AddConstraint(
            model_name='policyterms',
            constraint=models.UniqueConstraint(fields=('policy', 'number'), name='terms_are_numbered'),
        ),
        migrations.AddConstraint(
            model_name='policyterms',
            constraint=models.CheckConstraint(condition=models.Q(('starts_at__gte', models.F('recorded_at'))), name='terms_never_reach_back'),
        ),
        migrations.AddConstraint(
            model_name='policyterms',
            constraint=models.CheckConstraint(condition=models.Q(('coverage_amount__gt', 0), ('deductible__gte', 0), ('insured_value__gt', 0)), name='terms_amounts_sane'),
        ),
        migrations.AddConstraint(
            model_name='policyterms',
            constraint=django.contrib.postgres.constraints.ExclusionConstraint(expressions=[('policy', '='), (insurance.models.terms._Interval('starts_at', 'ends_at', django.contrib.postgres.fields.ranges.RangeBoundary()), '&&')], name='terms_one_at_a_time'),
        ),
    ]
