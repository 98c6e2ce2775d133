"""Keep how full the tank was, what is damaged, and the signature that was drawn when a test car left."""

from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('showroom', '0003_fill_columns_for_older_releases'),
    ]

    operations = [
        migrations.AddField(
            model_name='drive',
            name='damage',
            field=models.TextField(blank=True, db_default='', default='', verbose_name='damage'),
        ),
        migrations.AddField(
            model_name='drive',
            name='fuel_in',
            field=models.PositiveSmallIntegerField(blank=True, null=True, verbose_name='fuel when it came back, %'),
        ),
        migrations.AddField(
            model_name='drive',
            name='fuel_out',
            field=models.PositiveSmallIntegerField(blank=True, null=True, verbose_name='fuel when it left, %'),
        ),
        migrations.AddField(
            model_name='drive',
            name='signature_path',
            field=models.CharField(blank=True, db_default='', default='', max_length=200, verbose_name='signature'),
        ),
        migrations.AddField(
            model_name='drive',
            name='signature_sha256',
            field=models.CharField(blank=True, db_default='', default='', max_length=64, verbose_name='SHA-256'),
        ),
    ]
