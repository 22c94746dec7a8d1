"""Starts what time starts, and sweeps: `python scheduler.py`. Two may run: one works, the other takes over."""

import sys

from jobs.clockwork import run
from nightshift import logs
from nightshift.settings import SettingsError, settings


def main() -> None:
    try:
        logs.configure(settings().log_format)
    except SettingsError as error:
        sys.exit(str(error))
    run()


if __name__ == "__main__":
    main()
