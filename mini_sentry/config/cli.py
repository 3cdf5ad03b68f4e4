"""The command `mini-sentry`.

Arguments are read before anything heavy is imported, so that a wrong one is answered at once.
"""

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from dotenv import load_dotenv

import mini_sentry
from mini_sentry.config.environment import BadSetting, data_directory, published_on
from mini_sentry.config.supervisor import BAD_SETTING_CODE, CannotStart, check_address, run


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="mini-sentry", description="A self-hosted, Sentry-compatible error tracker.")
    parser.add_argument("--version", action="version", version=f"mini-sentry {mini_sentry.__version__}")
    commands = parser.add_subparsers(dest="command", required=True, metavar="command")

    def add(name: str, summary: str) -> argparse.ArgumentParser:
        command = commands.add_parser(name, help=summary, description=summary)
        command.add_argument("--supervised", action="store_true", help=argparse.SUPPRESS)
        return command

    for name, summary in (
        ("run", "Start everything on this machine: the one command."),
        ("web", "The web server alone: ingest, API and UI."),
    ):
        command = add(name, summary)
        command.add_argument("--host", default="127.0.0.1", help="a loopback address (default: %(default)s)")
        command.add_argument("--port", type=int, default=8000, help="default: %(default)s")
        if name == "web":
            command.add_argument("--reload", action="store_true", help="start again when a source file changes")
            command.add_argument("--workers", type=_count, default=1, help="processes that share the port (default: 1)")
            command.add_argument("--listen-fd", type=int, help=argparse.SUPPRESS)
            command.add_argument("--counts", type=Path, help=argparse.SUPPRESS)
    add("engine", "Digest, columns and tasks in one process, as `run` starts it.")
    add("digest", "The digest alone: log to groups and events.")
    add("snuba", "The columns' consumer alone, with the embedded column engine if CLICKHOUSE_URL is unset.")
    add("worker", "The task worker alone.")
    add("beat", "The task schedule alone.")

    letters = commands.add_parser("dead-letters", help="Records that could not be digested.")
    verbs = letters.add_subparsers(dest="verb", required=True, metavar="verb")
    verbs.add_parser("list", help="one line each, newest first").add_argument("--limit", type=int, default=50)
    verbs.add_parser("show", help="one of them, scrubbed").add_argument("id", type=int)
    replay = verbs.add_parser("replay", help="put them back into the log, to be digested again")
    replay.add_argument("id", type=int, nargs="*", help="default: all that were not replayed yet")

    columns = commands.add_parser("columns", help="The column store.")
    rebuild = columns.add_subparsers(dest="verb", required=True, metavar="verb").add_parser(
        "rebuild", help="fill it again from the relational store"
    )
    rebuild.add_argument("--since", default="", help="a date, YYYY-MM-DD (default: everything)")

    export = commands.add_parser("export", help="Write everything to a file, for another installation to import.")
    export.add_argument("file", type=Path, help="to be made; a file that is there is left alone")
    imported = commands.add_parser("import", help="Fill this installation with what another one exported.")
    imported.add_argument("file", type=Path)
    what = imported.add_mutually_exclusive_group()
    what.add_argument("--replace", action="store_true", help="delete first what this installation holds")
    what.add_argument("--check", action="store_true", help="only look whether the file is whole, and say what it holds")

    backup = commands.add_parser("backup", help="Copy the data directory, while the server runs or not.")
    backup.add_argument("target", type=Path, help="one file if it ends in .zip, else a directory; to be made")
    restore = commands.add_parser("restore", help="Make the data directory anew from a backup.")
    restore.add_argument("source", type=Path, help="what `backup` made")

    manage = commands.add_parser("manage", help="Any of Django's management commands.", add_help=False)
    manage.add_argument("arguments", nargs=argparse.REMAINDER)
    return parser


def _count(text: str) -> int:
    if not text.isdecimal() or not 1 <= int(text) <= 256:
        raise argparse.ArgumentTypeError(f"{text} is no number from 1 to 256")
    return int(text)


def main(arguments: Sequence[str] | None = None) -> int:
    options = _parser().parse_args(arguments)
    load_dotenv(Path.cwd() / ".env")
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "mini_sentry.config.settings")
    os.environ.setdefault("TZ", "UTC")
    try:
        return _command(options)
    except (CannotStart, BadSetting) as error:
        print(f"mini-sentry: {error}", file=sys.stderr)
        return BAD_SETTING_CODE if isinstance(error, BadSetting) else 1
    except KeyboardInterrupt:
        return 130


def _command(options: argparse.Namespace) -> int:
    match options.command:
        case "run":
            return run(options.host, options.port, data_dir=data_directory(os.environ), environment=os.environ)
        case "manage":
            _manage(options.arguments)
            return 0
        case "export" | "import" | "backup" | "restore":
            from mini_sentry.config import moves

            return moves.run(options)
        case "dead-letters" | "columns":
            from mini_sentry.config import operations

            return operations.run(options)
        case "web":
            return _web(options)
        case role:
            from mini_sentry.config import roles

            return roles.engine(role, supervised=options.supervised)


def _manage(arguments: Sequence[str]) -> None:
    from django.core.management import execute_from_command_line
    from django.db import OperationalError

    try:
        execute_from_command_line(["mini-sentry manage", *arguments])
    except OperationalError as error:
        said = f"{error}".partition("\n")[0].rstrip(".")
        raise CannotStart(f"The database cannot be used: {said}. DATABASE_URL says where it is.") from error


def _web(options: argparse.Namespace) -> int:
    if options.listen_fd is None:
        check_address(options.host, options.port, published_on=published_on(os.environ))
    from mini_sentry.config import roles

    if options.workers > 1 and not options.reload:
        from mini_sentry.config import workers

        return workers.serve(options.host, options.port, options.workers, environment=os.environ)
    return roles.web(
        options.host,
        options.port,
        supervised=options.supervised,
        reload=options.reload,
        listen_fd=options.listen_fd,
        counts=options.counts,
    )


if __name__ == "__main__":
    sys.exit(main())
