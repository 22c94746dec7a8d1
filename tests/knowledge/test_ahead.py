from collections.abc import Iterator

import pytest
from stack import wait_for

from nightshift.knowledge.ahead import Ahead


def test_items_come_in_order_and_are_counted_before_they_are_taken() -> None:
    items = Ahead(range(5))
    wait_for(lambda: items.count == 5)
    assert [next(items), *items] == [0, 1, 2, 3, 4]
    assert list(items) == [], "it stays ended"


def test_an_error_comes_before_the_items_that_wait() -> None:
    def failing() -> Iterator[int]:
        yield from range(3)
        raise ValueError("broken")

    items = Ahead(failing())
    wait_for(lambda: items._error)
    for _ in range(2):
        with pytest.raises(ValueError, match="broken"):
            next(items)
