"""Runs the scheduler: `python scheduler.py`. Two may run: one works, the other takes over."""

import sys

import jobs  # noqa: F401  registers the schedule
from nightshift import logs
from nightshift.settings import SettingsError, settings
from runner.scheduler import run


def main() -> None:
    try:
        logs.configure(settings().log_format)
    except SettingsError as error:
        sys.exit(str(error))
    run()


if __name__ == "__main__":
    main()
