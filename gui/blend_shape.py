"""Weights of prompts as a place on a surface, and back. Pure.

The prompts stand at the corners of a regular polygon. Weights are Wachspress's coordinates
("A Rational Finite Element Basis", 1975): at a corner one prompt is alone, on an edge two share,
and the corners, weighted with them, give the place again. So a place can be found from weights.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

Point = tuple[float, float]

NEAR = 1e-9


def corners(count: int) -> list[Point]:
    """Of a polygon in the unit circle, from the top on; two lie side by side. y grows downwards."""
    if count == 1:
        return [(0.0, 0.0)]
    if count == 2:
        return [(-1.0, 0.0), (1.0, 0.0)]
    turn = -math.pi / 2 if count != 4 else -3 * math.pi / 4
    angles = (turn + 2 * math.pi * number / count for number in range(count))
    return [(math.cos(angle), math.sin(angle)) for angle in angles]


def weights_at(place: Point, count: int) -> list[float]:
    """Shares of the prompts at a place, which is moved onto the surface first. Their sum is 1."""
    points = corners(count)
    if count == 1:
        return [1.0]
    if count == 2:
        right = min(1.0, max(0.0, (place[0] + 1) / 2))
        return [1.0 - right, right]
    x, y = nearest(place, count)
    raw = []
    for number in range(count):
        before, here, after = (points[(number + step) % count] for step in (-1, 0, 1))
        beside = _area(before, here, (x, y)), _area(here, after, (x, y))
        if beside[0] < NEAR or beside[1] < NEAR:  # on an edge: the two ends share
            return _on_edge((x, y), points)
        raw.append(_area(before, here, after) / (beside[0] * beside[1]))
    whole = sum(raw)
    return [one / whole for one in raw]


def place_of(weights: Sequence[float]) -> Point:
    """Where weights are: exact for those that `weights_at` gives."""
    whole = sum(weights)
    points = corners(len(weights))
    if whole <= 0:
        return (0.0, 0.0)
    x = sum(w * px for w, (px, _) in zip(weights, points, strict=True)) / whole
    y = sum(w * py for w, (_, py) in zip(weights, points, strict=True)) / whole
    return (x, y)


def nearest(place: Point, count: int) -> Point:
    """A place that is off the surface, moved to its rim."""
    points = corners(count)
    if count < 3:
        return (min(1.0, max(-1.0, place[0])), 0.0)
    if all(_area(a, b, place) >= 0 for a, b in _edges(points)):
        return place
    onto = [_onto(place, a, b) for a, b in _edges(points)]
    return min(onto, key=lambda found: math.dist(found, place))


def _edges(points: list[Point]) -> list[tuple[Point, Point]]:
    return [(a, points[(n + 1) % len(points)]) for n, a in enumerate(points)]


def _on_edge(place: Point, points: list[Point]) -> list[float]:
    shares = [0.0] * len(points)
    found = [(math.dist(_onto(place, a, b), place), n) for n, (a, b) in enumerate(_edges(points))]
    number = min(found)[1]
    after = (number + 1) % len(points)
    length = math.dist(points[number], points[after])
    share = min(1.0, math.dist(points[number], place) / length)
    shares[number], shares[after] = 1.0 - share, share
    return shares


def _onto(place: Point, a: Point, b: Point) -> Point:
    dx, dy = b[0] - a[0], b[1] - a[1]
    along = ((place[0] - a[0]) * dx + (place[1] - a[1]) * dy) / (dx * dx + dy * dy)
    along = min(1.0, max(0.0, along))
    return (a[0] + along * dx, a[1] + along * dy)


def _area(a: Point, b: Point, c: Point) -> float:
    return ((b[0] - a[0]) * (c[1] - a[1]) - (c[0] - a[0]) * (b[1] - a[1])) / 2
