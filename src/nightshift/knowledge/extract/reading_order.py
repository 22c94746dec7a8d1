"""The order in which people read boxes on a page: top to bottom, one column after the other."""

from collections.abc import Iterator, Sequence
from itertools import chain
from statistics import median
from typing import TypeVar

Box = tuple[float, float, float, float]  # left, top, right, bottom
T = TypeVar("T")
Placed = Sequence[tuple[Box, T]]

_NARROW = 1.5  # times narrower than its text is a column of labels
_OVERLAP = 0.1  # the share of a box that may overlap with another, at each side


def in_reading_order(placed: Placed[T], labelled: bool = False) -> list[T]:
    """The things in their boxes. A box as wide as the page divides columns above it from those below.

    `labelled`: a narrow column of boxes with a text beside each is read row by row.
    """
    return [thing for _, thing in _ordered(placed, labelled)]


def _ordered(placed: Placed[T], labelled: bool) -> Iterator[tuple[Box, T]]:
    if len(columns := split(placed, 0)) > 1:
        if labelled and _are_labels(columns):
            columns = split(placed, 1)
        for column in columns:
            yield from _ordered(column, labelled)
    elif len(bands := split(placed, 1)) > 1:
        while bands:
            group = bands.pop(0)
            while bands and len(split([*group, *bands[0]], 0)) > 1:
                group = [*group, *bands.pop(0)]
            yield from _ordered(group, labelled)
    else:
        yield from sorted(placed, key=lambda item: (item[0][1], item[0][0]))


def _are_labels(columns: list[list[tuple[Box, T]]]) -> bool:
    """Whether there are as many boxes in each column, each beside one of the first column, which is narrower than another."""
    count = len(columns[0])
    bands = split([*chain.from_iterable(columns)], 1)
    widths = [median(box[2] - box[0] for box, _ in column) for column in columns]
    in_rows = len(bands) == count > 1 and all(len(band) == len(columns) for band in bands)
    return in_rows and widths[0] * _NARROW < max(widths)


def split(placed: Placed[T], axis: int) -> list[list[tuple[Box, T]]]:
    """The groups that an empty strip divides: columns for axis 0, bands for axis 1."""
    groups: list[list[tuple[Box, T]]] = []
    end = float("-inf")
    for box, thing in sorted(placed, key=lambda item: item[0][axis]):
        margin = (box[axis + 2] - box[axis]) * _OVERLAP
        if box[axis] + margin >= end:
            groups.append([])
        groups[-1].append((box, thing))
        end = max(end, box[axis + 2] - margin)
    return groups
