"""The shape of the code never gets worse than it was: whoever betters a figure lowers its limit."""

import pytest

from tests.shape.figures import FIGURES
from tests.shape.measure import House, components, read_modules


@pytest.fixture(scope="module")
def house():
    return House(read_modules())


@pytest.mark.parametrize("figure", FIGURES, ids=lambda figure: figure.title)
def test_no_figure_is_worse_than_it_was(house, figure):
    value = figure.measure(house)
    assert value <= figure.limit, "\n".join([f"{figure.title}: {value:g}", *figure.places(house)])


def test_components_find_each_cycle_and_nothing_else():
    graph = {"a": {"b"}, "b": {"c"}, "c": {"a", "d"}, "d": {"e"}, "e": set(), "f": {"f"}}
    assert sorted(sorted(group) for group in components(graph)) == [["a", "b", "c"], ["d"], ["e"], ["f"]]


def test_rooms_know_the_modules_of_an_app(house):
    assert {"models", "services", "events", "handlers", "api"} <= {
        module.room for module in house.modules.values() if module.package == "orders"
    }
