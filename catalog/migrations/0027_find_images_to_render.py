from django.contrib.postgres.operations import AddIndexConcurrently
from django.db import migrations, models


class Migration(migrations.Migration):

    atomic = False

    dependencies = [
        ('catalog', '0026_queue_renditions_of_images'),
    ]

    operations = [
        AddIndexConcurrently(
            model_name='productimage',
            index=models.Index(condition=models.Q(('render_at__isnull', False)), fields=['render_at'], name='image_to_render'),
        ),
    ]
