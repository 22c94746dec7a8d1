"""Runs an iterator ahead of its reader."""

from collections.abc import Iterable, Iterator
from queue import SimpleQueue
from threading import Thread
from typing import TypeVar

T = TypeVar("T")


class Ahead(Iterator[T]):
    """The items of an iterator that a thread takes as fast as it can. `count`: how many there have been.

    What the iterator raises is raised as soon as it is known, before items that are waiting.
    """

    def __init__(self, items: Iterable[T]) -> None:
        self.count = 0
        self._queue: SimpleQueue[T | None] = SimpleQueue()  # bounded as the text of a document is
        self._error: BaseException | None = None
        Thread(target=self._take, args=(items,), daemon=True).start()

    def __next__(self) -> T:
        item = self._queue.get()
        if item is None or self._error is not None:
            self._queue.put(None)  # for who asks again
            raise self._error or StopIteration
        return item

    def _take(self, items: Iterable[T]) -> None:
        try:
            for item in items:
                self.count += 1
                self._queue.put(item)
        except BaseException as error:
            self._error = error
        self._queue.put(None)
