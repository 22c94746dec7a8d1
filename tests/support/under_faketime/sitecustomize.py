"""Imported by each Python that starts under libfaketime, whose clock_nanosleep refuses every deadline of the monotonic clock."""

import select
import time


def sleep(seconds: float) -> None:
    select.select([], [], [], seconds)


time.sleep = sleep
