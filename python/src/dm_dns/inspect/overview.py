"""The picture at the top of the page: a circle for each machine, with a dot for each of its names.

The dots lie as the seeds of a sunflower do, which fills a circle evenly however many there are
(Vogel 1979, "A better way to construct the sunflower head"). Only the geometry is made here.
"""

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from itertools import combinations
from typing import Final, NamedTuple

_GOLDEN_ANGLE: Final = math.pi * (3 - math.sqrt(5))
_WIDEST: Final = 1080.0
_NARROWEST: Final = 560.0
_SMALLEST: Final = 34.0  # radius of a circle
_MARGIN: Final = 9.0  # from the outermost dot to the circle
_GAP: Final = 34.0  # between circles
_LABEL: Final = 46.0  # below a circle
_TOP: Final = 30.0  # for the curves between circles of the first row
_DOT: Final = 0.34  # radius of a dot, of the distance between dots
_RING: Final = 6  # dots that lie in a ring: too few to look like a sunflower
_MOST_LINKS: Final = 16  # more are a tangle
# Few names have large dots. (Names up to which, distance between dots)
_DISTANCES: Final = ((12, 36.0), (60, 19.0), (200, 15.0), (500, 12.0))
_SMALLEST_DISTANCE: Final = 9.5


class Dot(NamedTuple):
    """A name on a machine."""

    x: float
    y: float
    name: str


class Circle(NamedTuple):
    """A machine."""

    machine: str
    x: float
    y: float
    radius: float
    dots: tuple[Dot, ...]


class Link(NamedTuple):
    """Names that two machines share."""

    path: str
    """As SVG writes it."""
    names: int


class Overview(NamedTuple):
    """The picture."""

    left: float
    width: float
    height: float
    dot: float
    """Radius of the dots."""
    circles: tuple[Circle, ...]
    links: tuple[Link, ...]


def draw(machines: Mapping[str, Sequence[str]]) -> Overview:
    """Return the picture of machines with the names on each, in the order in which to draw them."""
    distance = _distance(len({name for names in machines.values() for name in names}))
    rows: list[list[tuple[str, float]]] = [[]]
    width = 0.0
    # Large circles first: rows then have circles of about one size.
    for machine in sorted(machines, key=lambda machine: (-len(machines[machine]), machine)):
        reach = _place(len(machines[machine]) - 1, len(machines[machine]), distance)[0]
        radius = max(_SMALLEST, 1.5 * distance, reach + _DOT * distance + _MARGIN)
        if rows[-1] and width + 2 * radius > _WIDEST - _GAP:
            rows.append([])
            width = 0.0
        rows[-1].append((machine, radius))
        width += 2 * radius + _GAP
    circles: list[Circle] = []
    top = _TOP
    for row in rows:
        tallest = max((radius for _machine, radius in row), default=0.0)
        x = -(sum(2 * radius + _GAP for _machine, radius in row) - _GAP) / 2
        for machine, radius in row:
            x += radius
            y = top + tallest
            dots = _dots(machines[machine], x, y, distance)
            circles.append(Circle(machine, round(x, 1), round(y, 1), round(radius, 1), dots))
            x += radius + _GAP
        top += 2 * tallest + _LABEL
    right = max((circle.x + circle.radius for circle in circles), default=0.0)
    left = min((circle.x - circle.radius for circle in circles), default=0.0)
    half = round(max(right, -left, _NARROWEST / 2) + 2, 1)
    dot = round(distance * _DOT, 1)
    return Overview(-half, 2 * half, round(top, 1), dot, tuple(circles), _links(circles))


def _distance(names: int) -> float:
    return next((distance for most, distance in _DISTANCES if names <= most), _SMALLEST_DISTANCE)


def _place(number: int, count: int, distance: float) -> tuple[float, float]:
    """Return where a dot lies: how far from the centre, and in which direction."""
    if count <= 1:
        return 0.0, 0.0
    if count <= _RING:
        return distance / (2 * math.sin(math.pi / count)), math.tau * number / count - math.pi / 2
    return distance / math.sqrt(math.pi) * math.sqrt(number + 0.5), number * _GOLDEN_ANGLE


def _dots(names: Sequence[str], x: float, y: float, distance: float) -> tuple[Dot, ...]:
    dots = []
    for number, name in enumerate(names):
        radius, angle = _place(number, len(names), distance)
        at = (round(x + radius * math.cos(angle), 1), round(y + radius * math.sin(angle), 1))
        dots.append(Dot(*at, name))
    return tuple(dots)


def _links(circles: Sequence[Circle]) -> tuple[Link, ...]:
    """Return a curve between each two machines that share names, unless there are too many."""
    on: dict[str, list[int]] = {}
    for number, circle in enumerate(circles):
        for dot in circle.dots:
            on.setdefault(dot.name, []).append(number)
    # From one machine to the next: between each two of many there would be too many curves.
    pairs = Counter(
        pair
        for numbers in on.values()
        for pair in (combinations(numbers, 2) if len(numbers) <= 3 else zip(numbers, numbers[1:]))  # noqa: B905, PLR2004, RUF007
    )
    if len(pairs) > _MOST_LINKS:
        return ()
    found = []
    for (first, second), names in sorted(pairs.items()):
        one, other = circles[first], circles[second]
        middle_x, middle_y = (one.x + other.x) / 2, (one.y + other.y) / 2
        length = math.hypot(other.x - one.x, other.y - one.y)
        bend = min(110.0, length / 3)
        # Perpendicular to the line between them.
        control_x = middle_x + bend * (other.y - one.y) / length
        control_y = middle_y - bend * (other.x - one.x) / length
        path = f"M{one.x} {one.y}Q{control_x:.1f} {control_y:.1f} {other.x} {other.y}"
        found.append(Link(path, names))
    return tuple(found)
