"""A Nightshift for each test, with servers of its own."""

import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from recorder import Recorder
from town import Town


@pytest.fixture
def new_town(vendors: Recorder) -> Iterator[Callable[..., Town]]:
    made: list[Town] = []

    def make(of: Recorder = vendors) -> Town:
        made.append(Town(Path(tempfile.mkdtemp(prefix="nightshift-test-")), of))
        return made[-1]

    yield make
    for town in made:
        town.stop()


@pytest.fixture
def town(new_town: Callable[..., Town]) -> Town:
    return new_town()
