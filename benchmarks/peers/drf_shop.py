"""The other peer: plain Django and Django REST Framework, as its tutorial writes them, over the same tables."""

import os
from uuid import UUID, uuid4

import django
import jwt
from django.conf import settings

settings.configure(
    ALLOWED_HOSTS=["*"],
    SECRET_KEY="a peer of a benchmark",
    ROOT_URLCONF=__name__,
    USE_TZ=True,
    MIDDLEWARE=["django.middleware.common.CommonMiddleware"],
    DATABASES={
        "default": {
            "ENGINE": "django.db.backends.postgresql",
            "NAME": os.environ["PEER_DATABASE"],
            "HOST": os.environ["PEER_HOST"],
            "USER": "postgres",
            "CONN_MAX_AGE": None,
        }
    },
    REST_FRAMEWORK={
        "DEFAULT_AUTHENTICATION_CLASSES": [],
        "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
        "DEFAULT_PARSER_CLASSES": ["rest_framework.parsers.JSONParser"],
        "UNAUTHENTICATED_USER": None,
    },
)
django.setup()

from django.core.wsgi import get_wsgi_application  # noqa: E402
from django.db import models, transaction  # noqa: E402
from django.urls import include, path  # noqa: E402
from rest_framework import authentication, exceptions, mixins, routers, serializers, viewsets  # noqa: E402
from rest_framework.response import Response  # noqa: E402

PUBLIC_KEY = os.environ["PEER_PUBLIC_KEY"]


class Token(authentication.BaseAuthentication):
    """A signed token; the request's user is its subject."""

    def authenticate(self, request):
        """Check the token."""
        bearer = request.headers.get("Authorization", "").removeprefix("Bearer ")
        if not bearer:
            return None
        try:
            claims = jwt.decode(bearer, PUBLIC_KEY, algorithms=["RS256"], options={"verify_aud": False})
        except jwt.InvalidTokenError as error:
            raise exceptions.AuthenticationFailed from error
        return UUID(claims["sub"]), None


class Table(models.Model):
    """Common to the tables."""

    class Meta:
        abstract = True
        app_label = "peer"
        managed = False


class Product(Table):
    """A thing on sale."""

    id = models.UUIDField(primary_key=True)
    sku = models.TextField()
    name = models.TextField()
    price = models.DecimalField(max_digits=14, decimal_places=2)
    currency = models.TextField()
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta(Table.Meta):
        db_table = "product"


class Order(Table):
    """An order with its lines."""

    id = models.UUIDField(primary_key=True, default=uuid4)
    number = models.BigIntegerField(db_default=models.Func(models.Value("shop_order_number_seq"), function="nextval"))
    customer_id = models.UUIDField()
    status = models.TextField(default="created")
    currency = models.TextField(default="RUB")
    total = models.DecimalField(max_digits=14, decimal_places=2)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta(Table.Meta):
        db_table = "shop_order"


class Line(Table):
    """A line of an order."""

    order = models.ForeignKey(Order, models.DO_NOTHING, related_name="lines")
    product = models.ForeignKey(Product, models.DO_NOTHING)
    quantity = models.IntegerField()
    price = models.DecimalField(max_digits=14, decimal_places=2)

    class Meta(Table.Meta):
        db_table = "order_line"


class Outbox(Table):
    """An event that waits."""

    type = models.TextField()
    data = models.JSONField()
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta(Table.Meta):
        db_table = "outbox"


class ProductSerializer(serializers.ModelSerializer):
    """A product as it is shown."""

    class Meta:
        model = Product
        fields = ("id", "sku", "name", "price", "currency")


class LineSerializer(serializers.ModelSerializer):
    """A line, as it is ordered and shown."""

    product_id = serializers.PrimaryKeyRelatedField(source="product", queryset=Product.objects.all())

    class Meta:
        model = Line
        fields = ("product_id", "quantity", "price")
        read_only_fields = ("price",)


class OrderSerializer(serializers.ModelSerializer):
    """An order, as it is placed and shown."""

    items = LineSerializer(many=True, source="lines")

    class Meta:
        model = Order
        fields = ("id", "number", "customer_id", "status", "currency", "total", "created_at", "items")
        read_only_fields = ("id", "number", "customer_id", "status", "currency", "total", "created_at")

    def create(self, validated_data):
        """Place an order at the prices that stand."""
        items = validated_data["lines"]
        with transaction.atomic():
            total = sum(item["product"].price * item["quantity"] for item in items)
            order = Order.objects.create(customer_id=self.context["request"].user, total=total)
            Line.objects.bulk_create(Line(order=order, price=item["product"].price, **item) for item in items)
            Outbox.objects.create(type="order.created", data={"order_id": str(order.id), "total": str(total)})
        return order


class Orders(mixins.CreateModelMixin, viewsets.ReadOnlyModelViewSet):
    """A person's orders."""

    serializer_class = OrderSerializer
    authentication_classes = (Token,)

    def get_queryset(self):
        """Return the person's own, newest first."""
        own = Order.objects.filter(customer_id=self.request.user).prefetch_related("lines")
        return own.order_by("-created_at", "-id")

    def list(self, request):
        """Show twenty."""
        return Response(self.get_serializer(self.get_queryset()[:20], many=True).data)


class Products(viewsets.ReadOnlyModelViewSet):
    """What is on sale."""

    serializer_class = ProductSerializer
    queryset = Product.objects.order_by("-created_at", "-id")

    def list(self, request):
        """Show twenty."""
        return Response(self.get_serializer(self.get_queryset()[:20], many=True).data)


router = routers.SimpleRouter(trailing_slash=False)
router.register("orders", Orders, basename="order")
router.register("products", Products)
urlpatterns = [path("api/v1/", include(router.urls))]
application = get_wsgi_application()
