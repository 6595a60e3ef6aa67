"""A stage whose first word is one of its verbs, or else the name of a pipeline, which is its daily use."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import click

from penstock.core.yaml_file import suggestion


class VerbOrPipeline(click.Group):
    """`of_pipeline` makes the command of a pipeline's name. No pipeline may have the name of a verb
    (`names.py`)."""

    def __init__(self, *, of_pipeline: Callable[[str], click.Command], **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.subcommand_metavar = "PIPELINE | COMMAND [ARGS]…"
        # `-o json <pipeline>`: the options of a pipeline's command may stand before its name.
        self.context_settings = {"ignore_unknown_options": True}
        self._of_pipeline = of_pipeline

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command:
        """The command of a verb, or else that of a pipeline."""
        return super().get_command(ctx, cmd_name) or self._of_pipeline(cmd_name)

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """The command, and what is left of `args` for it. Of two words the first must be a verb."""
        if args[0].startswith("-"):
            args = self._name_first(ctx, args)
        name, *rest = args
        if name not in self.commands and rest and not rest[0].startswith("-"):
            ctx.fail(f"No such command '{name}': {suggestion(name, self.commands)}")
        return super().resolve_command(ctx, args)

    def _name_first(self, ctx: click.Context, args: list[str]) -> list[str]:
        command = self._of_pipeline("PIPELINE")
        parser = command.make_parser(click.Context(command, parent=ctx, info_name="PIPELINE"))
        _, names, _ = parser.parse_args(list(args))
        if not names:
            ctx.fail("Missing argument 'PIPELINE'.")
        args.remove(names[0])
        return [names[0], *args]
