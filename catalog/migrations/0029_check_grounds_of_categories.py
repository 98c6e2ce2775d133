from django.contrib.postgres.operations import ValidateConstraint
from django.db import migrations


class Migration(migrations.Migration):

    dependencies = [
        ('catalog', '0028_tax_goods_by_category'),
    ]

    operations = [
        ValidateConstraint(model_name='category', name='category_ground_of_exempt'),
    ]
