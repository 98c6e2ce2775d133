from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('catalog', '0025_fold_facets_anew'),
    ]

    operations = [
        migrations.AddField(
            model_name='productimage',
            name='render_at',
            field=models.DateTimeField(null=True, verbose_name='renditions due at'),
        ),
        migrations.AddField(
            model_name='productimage',
            name='renderings',
            field=models.PositiveSmallIntegerField(db_default=0, default=0, verbose_name='attempts at the renditions'),
        ),
    ]
