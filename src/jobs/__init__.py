"""What runs when: the queues, the schedule, and one small module a job. A module dropped in here is registered."""

from importlib import import_module
from pkgutil import iter_modules

from jobs import queues

for module in iter_modules(__path__):
    import_module(f"{__name__}.{module.name}")

__all__ = ["queues"]
