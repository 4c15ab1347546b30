"""The `myvta` command: a table of verbs, and uniform errors."""

from __future__ import annotations

import importlib
import os
import sys
from collections.abc import Sequence
from typing import Any

import click

from .input_errors import message_of

__all__ = ["VERBS", "cli", "main"]

# Each verb is the click command named `command` in VERB_command.py, imported on demand.
VERBS = (
    "doctor", "config", "asm", "dis", "convert", "compile", "tune", "check", "run", "profile",
    "validate", "serve", "demo",
)

_INTERRUPTED = 130  # 128 + SIGINT, the convention of shells


class _Verbs(click.Group):
    """A group that imports verbs on demand and prints every refusal in one line."""

    def list_commands(self, context: click.Context) -> list[str]:
        """Return the verbs in the table's order."""
        return list(VERBS)

    def get_command(self, context: click.Context, name: str) -> click.Command | None:
        """Import one verb."""
        if name not in VERBS:
            return None
        command: click.Command = importlib.import_module(f".{name}_command", __package__).command
        return command

    def main(  # type: ignore[override]
        self, args: Sequence[str] | None = None, **extra: Any
    ) -> Any:
        """Run and exit: 0 done, 2 refused input, 1 anything else."""
        arguments = sys.argv[1:] if args is None else list(args)
        try:
            status = super().main(arguments or ["--help"], **{**extra, "standalone_mode": False})
        except click.UsageError as error:
            where = error.ctx.command_path if error.ctx else "myvta"
            _print_error(f"{error.format_message().rstrip('.')}; see `{where} --help`")
            status = 2
        except click.ClickException as error:
            _print_error(error.format_message())
            status = 2
        except (click.Abort, KeyboardInterrupt):
            status = _INTERRUPTED
        except BrokenPipeError:  # the reader, say `head`, has seen enough
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            status = 0
        except Exception as error:
            message = message_of(error)
            if message is None or "--debug" in arguments:
                raise
            _print_error(message)
            status = 2
        sys.exit(status if isinstance(status, int) else 0)


def _print_error(message: str) -> None:
    click.echo(f"error: {message}", err=True)


@click.group(cls=_Verbs, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="myvta", message="%(version)s")
@click.option("--debug", is_flag=True, help="Show the traceback of a refused input.")
def cli(debug: bool) -> None:
    """Open deep-learning accelerator: from a network to its own RTL, all in Python."""


def main() -> None:
    """Entry point of the `myvta` script."""
    cli.main(prog_name="myvta")


if __name__ == "__main__":
    main()
