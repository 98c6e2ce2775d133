import core.ids
import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('orders', '0008_add_deal_quotes'),
    ]

    operations = [
        migrations.CreateModel(
            name='Cart',
            fields=[
                ('id', models.UUIDField(default=core.ids.uuid7, editable=False, primary_key=True, serialize=False)),
                ('customer_id', models.UUIDField(null=True, unique=True, verbose_name='customer')),
                ('digest', models.CharField(max_length=64, null=True, unique=True)),
                ('created_at', models.DateTimeField(verbose_name='created at')),
                ('updated_at', models.DateTimeField(verbose_name='updated at')),
                ('expires_at', models.DateTimeField(db_index=True, verbose_name='kept until')),
            ],
            options={
                'verbose_name': 'cart',
                'verbose_name_plural': 'carts',
                'constraints': [models.CheckConstraint(condition=models.Q(models.Q(('customer_id__isnull', False), ('digest__isnull', True)), models.Q(('customer_id__isnull', True), ('digest__isnull', False)), _connector='OR'), name='cart_of_client_or_guest')],
            },
        ),
        migrations.CreateModel(
            name='CartItem',
            fields=[
                ('id', models.UUIDField(default=core.ids.uuid7, editable=False, primary_key=True, serialize=False)),
                ('product_id', models.UUIDField()),
                ('quantity', models.PositiveIntegerField(verbose_name='quantity')),
                ('seen_price', models.DecimalField(decimal_places=2, max_digits=14, verbose_name='price when added')),
                ('added_at', models.DateTimeField(verbose_name='added at')),
                ('cart', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='items', to='orders.cart')),
            ],
            options={
                'verbose_name': 'cart item',
                'verbose_name_plural': 'cart items',
                'ordering': ['id'],
                'constraints': [models.CheckConstraint(condition=models.Q(('quantity__gte', 1), ('quantity__lte', 1000)), name='cart_quantity_in_bounds'), models.UniqueConstraint(fields=('cart', 'product_id'), name='cart_product_once')],
            },
        ),
    ]
