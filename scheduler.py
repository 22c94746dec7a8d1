"""Runs the scheduler: `python scheduler.py`. Two may run: one works, the other takes over."""

import signal
import sys

signal.signal(signal.SIGINT, signal.SIG_DFL)  # until it has its own handler, Ctrl-C ends it without a traceback

import jobs  # noqa: F401  registers the schedule
from nightshift import logs
from nightshift.settings import SettingsError, settings
from runner.scheduler import run


def main() -> None:
    try:
        logs.configure(settings())
    except SettingsError as error:
        sys.exit(str(error))
    run()


if __name__ == "__main__":
    main()
