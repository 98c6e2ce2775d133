"""The tree holds under parallel moves and at ten thousand nodes, and `check_tree` sees when it does not."""

import random
import threading
from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from django.db import connections
from django.utils import timezone

from catalog import public, services
from catalog.errors import CategoryCycle
from catalog.models import Category
from catalog.models.taxes import ExemptionGround
from catalog.tests import make

pytestmark = pytest.mark.django_db(databases=["catalog"])


def check():
    output = StringIO()
    call_command("check_tree", stdout=output)
    return output.getvalue()


def test_a_clean_tree_is_said_to_be_clean():
    make.category("SUV", make.category("Cars"))
    assert "clean" in check()


@pytest.mark.parametrize(
    "damage",
    [
        "UPDATE catalog_category SET level = 5 WHERE name = 'SUV'",
        "UPDATE catalog_category SET path = 'elsewhere' WHERE name = 'SUV'",
        "UPDATE catalog_category SET parent_id = (SELECT id FROM catalog_category WHERE level = 1) WHERE level = 0",
    ],
)
def test_every_damage_is_found(damage):
    make.category("SUV", make.category("Cars"))
    with connections["catalog"].cursor() as cursor:
        cursor.execute(damage)
    with pytest.raises(CommandError):
        check()


@pytest.mark.django_db(databases=["catalog"], transaction=True)
def test_parallel_moves_never_make_a_cycle():
    nodes = [make.category(f"N{number}").pk for number in range(8)]

    def work(seed):
        dice = random.Random(seed)
        try:
            for _ in range(12):
                child, parent = dice.sample(nodes, 2)
                try:
                    services.update_category(category_id=child, parent_id=parent, now=timezone.now())
                except CategoryCycle:
                    continue
        finally:
            connections["catalog"].close()

    threads = [threading.Thread(target=work, args=(seed,)) for seed in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert public.tree_disagreements() == []
    assert Category.objects.filter(level__gt=0).exists()


def test_ten_thousand_nodes_are_read_in_one_query(django_assert_num_queries):
    now = timezone.now()
    tops = [make.category(f"Top {number}") for number in range(100)]
    Category.objects.bulk_create(
        Category(
            name=f"{top.name}.{number}", slug=str(number), parent=top, level=1, path=f"{top.slug}/{number}",
            created_at=now, updated_at=now,
        )
        for top in tops
        for number in range(99)
    )  # fmt: skip
    with django_assert_num_queries(1, using="catalog"):
        tree = public.category_tree()
    assert (len(tree), sum(len(node.children) for node in tree)) == (100, 9_900)
    assert public.tree_disagreements() == []


def test_vat_that_is_not_what_stands_above_is_found():
    top = make.category("Goods")
    below = services.create_category(name="Bandages", parent_id=top.pk, now=timezone.now())
    services.update_category(
        category_id=top.pk, vat_kind="exempt", vat_ground=ExemptionGround.values[0], now=timezone.now()
    )
    assert public.tree_disagreements() == []
    Category.objects.filter(pk=below.pk).update(taxed_as="", taxed_ground="")
    [found] = public.tree_disagreements()
    assert found.ids == {"category_id": str(below.pk)}
    assert "should be “exempt" in found.detail
