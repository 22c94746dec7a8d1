"""Runs the scheduler: `python scheduler.py`. Two may run: one works, the other takes over."""

import signal

signal.signal(signal.SIGINT, signal.SIG_DFL)  # until it has its own handler, Ctrl-C ends it without a traceback

import jobs  # noqa: F401  registers the schedule
from nightshift import logs
from nightshift.settings import settings
from runner.scheduler import run

if __name__ == "__main__":
    logs.configure(settings())
    run()
