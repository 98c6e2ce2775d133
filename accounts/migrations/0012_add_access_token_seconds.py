from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('accounts', '0011_guard_security_log'),
    ]

    operations = [
        migrations.AddField(
            model_name='session',
            name='access_token_seconds',
            field=models.PositiveIntegerField(editable=False, null=True),
        ),
    ]
