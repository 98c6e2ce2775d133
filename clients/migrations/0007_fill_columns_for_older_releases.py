"""Give columns that older releases do not know a value of the database's own, so that those may insert."""

from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('clients', '0006_leads_in_timelines'),
    ]

    operations = [
        migrations.AlterField(
            model_name='client',
            name='inn',
            field=models.CharField(blank=True, db_default='', default='', max_length=12, verbose_name='INN'),
        ),
        migrations.AlterField(
            model_name='client',
            name='kpp',
            field=models.CharField(blank=True, db_default='', default='', max_length=9, verbose_name='KPP'),
        ),
        migrations.AlterField(
            model_name='client',
            name='ogrn',
            field=models.CharField(blank=True, db_default='', default='', max_length=15, verbose_name='OGRN'),
        ),
        migrations.AlterField(
            model_name='client',
            name='preferred_channel',
            field=models.CharField(blank=True, choices=[('', 'any'), ('phone', 'phone'), ('email', 'e-mail'), ('sms', 'SMS'), ('messenger', 'messenger')], db_default='', default='', max_length=10, verbose_name='preferred channel'),
        ),
        migrations.AlterField(
            model_name='client',
            name='preferred_language',
            field=models.CharField(blank=True, choices=[('', 'any'), ('ru', 'Russian'), ('en', 'English')], db_default='', default='', max_length=2, verbose_name='preferred language'),
        ),
    ]
