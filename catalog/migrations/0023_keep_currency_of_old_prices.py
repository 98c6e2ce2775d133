from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("catalog", "0022_know_what_products_cost"),
    ]

    operations = [
        migrations.AddField(
            model_name="pricechange",
            name="old_currency",
            field=models.CharField(blank=True, db_default="", default="", max_length=3, verbose_name="old currency"),
        ),
    ]
