"""Give columns that older releases do not know a value of the database's own, so that those may insert."""

import django.contrib.postgres.fields
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('notifications', '0008_tell_of_ending_holds'),
    ]

    operations = [
        migrations.AlterField(
            model_name='notification',
            name='is_for_digest',
            field=models.BooleanField(db_default=False, default=False, verbose_name='for the digest'),
        ),
        migrations.AlterField(
            model_name='notification',
            name='retries',
            field=models.PositiveSmallIntegerField(db_default=0, default=0, verbose_name='sent again'),
        ),
        migrations.AlterField(
            model_name='preference',
            name='sms',
            field=models.BooleanField(db_default=False, default=False, verbose_name='SMS'),
        ),
        migrations.AlterField(
            model_name='recipient',
            name='is_active',
            field=models.BooleanField(db_default=True, default=True, verbose_name='may sign in'),
        ),
        migrations.AlterField(
            model_name='recipient',
            name='is_digest_wanted',
            field=models.BooleanField(db_default=False, default=False, verbose_name='one e-mail a day'),
        ),
        migrations.AlterField(
            model_name='recipient',
            name='phone',
            field=models.CharField(blank=True, db_default='', default='', max_length=20, verbose_name='phone'),
        ),
        migrations.AlterField(
            model_name='recipient',
            name='roles',
            field=django.contrib.postgres.fields.ArrayField(base_field=models.CharField(max_length=20), blank=True, db_default=[], default=list, size=None, verbose_name='roles'),
        ),
        migrations.AlterField(
            model_name='recipient',
            name='time_zone',
            field=models.CharField(blank=True, db_default='', default='', max_length=64, verbose_name='time zone'),
        ),
    ]
