"""The operator's commands: `nightshift`, or `make ops CMD="..."`.

Exit status: 0 it is done, 1 one line on stderr says what is wrong, 2 the command was not understood.
"""

import signal
import sys
from collections.abc import Sequence
from importlib import import_module
from pkgutil import iter_modules

import click
from alembic.util import CommandError
from sqlalchemy.exc import DBAPIError

from nightshift.server_errors import reason
from nightshift.settings import SettingsError


class Wrong(Exception):
    """What is wrong, in one sentence. The exit status is 1."""


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
def nightshift() -> None:
    """Look after a Nightshift installation: how it stands, what is FAILED, what runs when."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command: its exit status."""
    import_module("jobs")  # it registers them: the engine knows none by name
    for module in iter_modules(__path__):
        import_module(f"{__name__}.{module.name}")
    signal.signal(signal.SIGINT, signal.default_int_handler)  # rich shows the cursor again
    try:
        return nightshift.main(args=arguments, prog_name="nightshift", standalone_mode=False) or 0
    except click.exceptions.NoArgsIsHelpError as help_of_group:
        print(help_of_group.format_message(), file=sys.stderr)
        return 2
    except click.ClickException as error:
        command = error.ctx.command_path if isinstance(error, click.UsageError) and error.ctx else "nightshift"
        return _ended(2, f"{error.format_message()} See `{command} --help`.")
    except click.Abort:
        return 130
    except DBAPIError as error:
        return _ended(1, reason(error))
    except CommandError as error:  # its revision is none of ours
        return _ended(1, f"The database is of another version of Nightshift: {error}.")
    except (SettingsError, Wrong) as error:
        return _ended(1, str(error))


def _ended(status: int, line: str) -> int:
    print(" ".join(line.split()), file=sys.stderr)
    return status
