"""Print `docs/cli.md`: every command with its `--help`, as it stands in the code."""

from __future__ import annotations

from collections.abc import Iterator

import click

from penstock.cli import main

_HEAD = """# Command line
What `--help` says of each command; made by `make docs`. Results go to stdout, everything else to stderr.
Exit codes: 0 where it went well, 1 where it did not, 2 where the command line is wrong."""


def reference() -> str:
    """The whole page."""
    return "\n\n".join([_HEAD, *_pages(main, None, "penstock")]) + "\n"


def _pages(command: click.Command, parent: click.Context | None, name: str) -> Iterator[str]:
    context = click.Context(command, parent=parent, info_name=name, terminal_width=100, max_content_width=100)
    yield f"## {context.command_path}\n```\n{command.get_help(context)}\n```"
    if isinstance(command, click.Group):
        of_a_pipeline = ["PIPELINE"] if "PIPELINE" in command.subcommand_metavar else []
        for verb in [*of_a_pipeline, *command.list_commands(context)]:
            found = command.get_command(context, verb)
            if found is not None:
                yield from _pages(found, context, verb)


if __name__ == "__main__":
    print(reference(), end="")
