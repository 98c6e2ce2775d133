"""Make one object of each kind of catalog for a given user, for the table of permissions."""

from uuid import UUID

from django.utils import timezone

from catalog import services
from catalog.models import Import
from catalog.tests import make
from tests.permissions.objects import Ids, made_by


@made_by("/categories")
def category(owner: UUID) -> Ids:
    return [str(make.category().id)]


@made_by("/categories/{}/attributes")
def attribute(owner: UUID) -> Ids:
    made = make.category()
    one = services.create_attribute(category_id=made.id, key="seats", kind="number", label="Seats", now=timezone.now())
    return [str(made.id), str(one.id)]


@made_by("/products")
def product(owner: UUID) -> Ids:
    return [str(make.product().id)]


@made_by("/saved-searches")
def saved_search(owner: UUID) -> Ids:
    return [str(services.save_search(user_id=owner, name="x", query={}, now=timezone.now()).id)]


@made_by("/favourites")
def favourite(owner: UUID) -> Ids:
    product = make.product()
    services.add_favourite(user_id=owner, product_id=product.id, now=timezone.now())
    return [str(product.id)]


@made_by("/imports")
def price_list(owner: UUID) -> Ids:
    return [str(Import.objects.create(filename="a.csv", actor=str(owner), created_at=timezone.now()).id)]
