from django.db import migrations, models

from core.postgres.history import OnlyAdded


class Migration(migrations.Migration):

    dependencies = [
        ('gateway', '0006_search_histories'),
    ]

    operations = [
        migrations.CreateModel(
            name='SwitchTurn',
            fields=[
                ('id', models.BigAutoField(primary_key=True, serialize=False)),
                ('name', models.CharField(max_length=60, verbose_name='switch')),
                ('is_on', models.BooleanField(verbose_name='switched on')),
                ('reason', models.CharField(max_length=1000, verbose_name='reason')),
                ('actor_id', models.UUIDField(null=True, verbose_name='by whom')),
                ('at', models.DateTimeField(verbose_name='at')),
            ],
            options={
                'verbose_name': 'turn of a switch',
                'verbose_name_plural': 'switches',
                'db_table': 'gateway_switch_turn',
                'indexes': [models.Index(fields=['name', '-id'], name='switch_turn_last'), models.Index(fields=['at', 'id'], name='switch_turn_by_at'), models.Index(fields=['actor_id', 'at', 'id'], name='switch_turn_by_actor')],
                'constraints': [models.CheckConstraint(condition=models.Q(('name', ''), _negated=True), name='switch_turn_is_named')],
            },
        ),
        OnlyAdded().on('gateway_switch_turn'),
    ]
