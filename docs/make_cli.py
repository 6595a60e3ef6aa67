"""Print `docs/cli.md`: every command with its `--help`, as it stands in the code."""

from __future__ import annotations

from collections.abc import Iterator

import click

from penstock.cli import main

_HEAD = """# Command line
What `--help` says of each command; made by `make docs`. Results go to stdout, everything else to stderr.
Exit codes: 0 where it went well, 1 where it did not, 2 where the command line is wrong.

## Results and errors as JSON
With `-o json` stdout holds one line: the result, or what the command failed with.
```json
{"error": {"kind": "DeclarationError", "message": "dags/shop.yaml:4: ingest is 'stream'",
           "where": "dags/shop.yaml:4", "value": "stream", "fix": "write 'drain' or 'follow'"}}
```
| key | holds |
|---|---|
| `kind` | the class of the error: one of `penstock/core/errors.py`; any other is a bug |
| `message` | one line that makes sense by itself |
| `where` | `file:line`, a path, or `topic/partition/offset`; `null` where the error has no one place |
| `value` | what stands there and is wrong; `null` where that is no single value |
| `fix` | what to do; `null` where nobody knows |

A command that fails for what it found prints both as one object: `penstock validate` the verdict, with
`error` beside it. `penstock ingest rejects ls` has such an object in its list for each stream that it could
not read, and `penstock ingest rejects export`, which prints one object a line, ends with one. stderr says
the same for people, as `Error: …` and `Fix: …`. What `penstock doctor` finds is its result, also where it
ends with 1. Where the command line is wrong, or a process is killed, stdout holds no error."""


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
