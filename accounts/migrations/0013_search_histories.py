import django.db.models.fields.json
from django.contrib.postgres.operations import AddIndexConcurrently
from django.db import migrations, models


class Migration(migrations.Migration):

    atomic = False

    dependencies = [
        ('accounts', '0012_add_access_token_seconds'),
    ]

    operations = [
        AddIndexConcurrently(
            model_name='activity',
            index=models.Index(django.db.models.fields.json.KeyTextTransform('by', 'details'), models.F('at'), models.F('id'), condition=models.Q(('details__has_key', 'by')), name='activity_by_another'),
        ),
    ]
