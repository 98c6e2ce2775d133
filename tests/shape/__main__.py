"""Print the shape of the code: each figure beside its limit and its goal, and with --list what stands behind it."""

import argparse

from tests.shape.figures import FIGURES, Figure
from tests.shape.measure import House, read_modules


def _row(figure: Figure, house: House) -> str:
    value = figure.measure(house)
    mark = "ok" if value <= figure.goal else "to go"
    return f"{figure.title:<58}{value:>10g}{figure.limit:>10g}{figure.goal:>10g}  {mark}"


def main() -> None:
    """Print every figure; --list adds the places behind it, up to a number."""
    parser = argparse.ArgumentParser(prog="make shape", description=__doc__)
    parser.add_argument("--list", type=int, default=0, metavar="N", help="show up to N places behind each figure")
    wanted = parser.parse_args().list
    house = House(read_modules())
    print(f"{'':<58}{'now':>10}{'limit':>10}{'goal':>10}")
    for figure in FIGURES:
        print(_row(figure, house))
        for place in figure.places(house)[:wanted]:
            print(f"    {place}")


if __name__ == "__main__":
    main()
