"""Runs the workers: `python worker.py` on all queues, `python worker.py email billing` on some."""

import gc
import os
import signal
import sys

signal.signal(signal.SIGINT, signal.SIG_DFL)  # until it has its own handlers, Ctrl-C ends it without a traceback
gc.disable()  # a collection would leave holes, which workers fill with copies of shared pages; each worker enables it
for library in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
    os.environ.setdefault(library, "1")  # twenty processes on one machine: a thread pool each is no gain

import jobs  # noqa: F401  registers them
from nightshift import logs
from nightshift.knowledge import embed, language
from nightshift.settings import settings
from runner.registry import QUEUES
from runner.supervisor import Supervisor


def main(names: list[str]) -> None:
    unknown = [name for name in names if name not in QUEUES]
    if unknown:
        sys.exit(f"No such queue: {', '.join(unknown)}. Queues: {', '.join(QUEUES)}.")
    logs.configure(settings())
    queues = list(dict.fromkeys(names)) or list(QUEUES)
    if "ingestion" in queues:  # loaded once, shared by all that is forked
        embed.embedder()
        language.warm()
    Supervisor(queues).run()


if __name__ == "__main__":
    main(sys.argv[1:])
