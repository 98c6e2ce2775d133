"""Give columns that older releases do not know a value of the database's own, so that those may insert."""

from decimal import Decimal
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('insurance', '0005_pay_premiums_in_parts'),
    ]

    operations = [
        migrations.AlterField(
            model_name='claim',
            name='driver_name',
            field=models.CharField(blank=True, db_default='', default='', max_length=100, verbose_name='who drove'),
        ),
        migrations.AlterField(
            model_name='claim',
            name='formula',
            field=models.TextField(blank=True, db_default='', default='', verbose_name='how it was calculated'),
        ),
        migrations.AlterField(
            model_name='claim',
            name='has_recourse',
            field=models.BooleanField(db_default=False, default=False, verbose_name='recourse against the driver'),
        ),
        migrations.AlterField(
            model_name='claim',
            name='kind',
            field=models.CharField(choices=[('collision', 'collision'), ('theft', 'theft'), ('vandalism', 'vandalism'), ('natural', 'natural disaster'), ('fire', 'fire'), ('glass', 'broken glass'), ('other', 'something else')], db_default='other', default='other', max_length=15, verbose_name='kind'),
        ),
        migrations.AlterField(
            model_name='claim',
            name='missing',
            field=models.JSONField(db_default=models.Value([], models.JSONField()), default=list, verbose_name='papers asked for'),
        ),
        migrations.AlterField(
            model_name='claim',
            name='paid_amount',
            field=models.DecimalField(db_default=Decimal('0.00'), decimal_places=2, default=Decimal('0.00'), max_digits=14, verbose_name='paid'),
        ),
        migrations.AlterField(
            model_name='claim',
            name='penalty_amount',
            field=models.DecimalField(db_default=Decimal('0.00'), decimal_places=2, default=Decimal('0.00'), max_digits=14, verbose_name='penalty'),
        ),
        migrations.AlterField(
            model_name='claim',
            name='place',
            field=models.CharField(blank=True, db_default='', default='', max_length=300, verbose_name='place'),
        ),
        migrations.AlterField(
            model_name='claim',
            name='reopened_times',
            field=models.PositiveSmallIntegerField(db_default=0, default=0, verbose_name='reopened, times'),
        ),
        migrations.AlterField(
            model_name='claim',
            name='reserve_amount',
            field=models.DecimalField(db_default=Decimal('0.00'), decimal_places=2, default=Decimal('0.00'), max_digits=14, verbose_name='reserve'),
        ),
        migrations.AlterField(
            model_name='claim',
            name='salvage_amount',
            field=models.DecimalField(db_default=Decimal('0.00'), decimal_places=2, default=Decimal('0.00'), max_digits=14, verbose_name='value of remains'),
        ),
        migrations.AlterField(
            model_name='claim',
            name='set_off_amount',
            field=models.DecimalField(db_default=Decimal('0.00'), decimal_places=2, default=Decimal('0.00'), max_digits=14, verbose_name='premium taken off'),
        ),
        migrations.AlterField(
            model_name='claim',
            name='wear_percent',
            field=models.DecimalField(db_default=Decimal('0.00'), decimal_places=2, default=Decimal('0.00'), max_digits=5, verbose_name='wear, %'),
        ),
        migrations.AlterField(
            model_name='endorsement',
            name='taken_off',
            field=models.DecimalField(db_default=Decimal('0.00'), decimal_places=2, default=Decimal('0.00'), max_digits=14, verbose_name='taken off instalments to come'),
        ),
        migrations.AlterField(
            model_name='ordercopy',
            name='bank',
            field=models.CharField(blank=True, db_default='', default='', max_length=100),
        ),
        migrations.AlterField(
            model_name='ordercopy',
            name='debt',
            field=models.DecimalField(db_default=Decimal('0.00'), decimal_places=2, default=Decimal('0.00'), max_digits=14, verbose_name='debt'),
        ),
        migrations.AlterField(
            model_name='policy',
            name='autopay_method',
            field=models.CharField(blank=True, db_default='', default='', max_length=15, verbose_name='its kind'),
        ),
        migrations.AlterField(
            model_name='policy',
            name='beneficiary',
            field=models.CharField(blank=True, db_default='', default='', max_length=100, verbose_name='beneficiary'),
        ),
        migrations.AlterField(
            model_name='policy',
            name='decline_code',
            field=models.CharField(blank=True, db_default='', default='', max_length=60, verbose_name='refusal'),
        ),
        migrations.AlterField(
            model_name='policy',
            name='decline_detail',
            field=models.CharField(blank=True, db_default='', default='', max_length=300, verbose_name='why'),
        ),
        migrations.AlterField(
            model_name='policy',
            name='insurer',
            field=models.CharField(db_default='partner', default='partner', max_length=30, verbose_name='insurer'),
        ),
        migrations.AlterField(
            model_name='policy',
            name='insurer_ref',
            field=models.CharField(blank=True, db_default='', default='', max_length=60, verbose_name='number at the insurer'),
        ),
        migrations.AlterField(
            model_name='policy',
            name='variant',
            field=models.PositiveSmallIntegerField(db_default=0, default=0, verbose_name='variant of the quote'),
        ),
        migrations.AlterField(
            model_name='quote',
            name='insurer',
            field=models.CharField(db_default='partner', default='partner', max_length=30, verbose_name='insurer'),
        ),
        migrations.AlterField(
            model_name='quote',
            name='insurer_name',
            field=models.CharField(blank=True, db_default='', default='', max_length=100, verbose_name='name of the insurer'),
        ),
        migrations.AlterField(
            model_name='quote',
            name='tariff_revision',
            field=models.PositiveIntegerField(db_default=0, default=0, verbose_name='tariff revision'),
        ),
        migrations.AlterField(
            model_name='quote',
            name='variants',
            field=models.JSONField(db_default=models.Value([], models.JSONField()), default=list, verbose_name='variants'),
        ),
    ]
