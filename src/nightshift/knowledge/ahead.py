"""Runs an iterator ahead of its reader."""

from collections.abc import Iterable, Iterator
from queue import SimpleQueue
from threading import Thread
from typing import TypeVar

T = TypeVar("T")


class Ahead(Iterator[T]):
    """Takes the items of an iterator in a thread, as fast as they come. `count`: items taken so far.

    An error of the iterator is raised at once, before the items that wait.
    """

    def __init__(self, items: Iterable[T]) -> None:
        self.count = 0
        self._queue: SimpleQueue[T | None] = SimpleQueue()  # bounded as the text of a document is
        self._error: BaseException | None = None
        Thread(target=self._take, args=(items,), daemon=True).start()

    def __next__(self) -> T:
        item = self._queue.get()
        if item is None or self._error is not None:
            self._queue.put(None)  # for the next call
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
