import django.db.models.functions.text
from django.contrib.postgres.operations import AddIndexConcurrently
from django.db import migrations, models


class Migration(migrations.Migration):

    atomic = False

    dependencies = [
        ('clients', '0012_keep_proofs_of_consent'),
    ]

    operations = [
        AddIndexConcurrently(
            model_name='vehicle',
            index=models.Index(django.db.models.functions.text.Replace(django.db.models.functions.text.Upper('plate'), models.Value(' ')), condition=models.Q(('plate', ''), _negated=True), name='vehicle_by_plate'),
        ),
    ]
