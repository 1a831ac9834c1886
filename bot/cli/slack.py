"""`vigie slack setup`: what Slack must be told, and whether it was."""

from __future__ import annotations

from typing import Annotated

import typer

from bot.cli.common import WATCH, app, console, options, settings

slack = typer.Typer(no_args_is_help=True, help="Slack: how to set it up.")
app.add_typer(slack, name="slack", rich_help_panel=WATCH)


@slack.callback()
def _group() -> None:
    """So that `setup` is named, though it is alone."""


@slack.command()
def setup(
    http: Annotated[
        str, typer.Option(metavar="URL", help="Over HTTP, at this address; default: over Socket Mode.")
    ] = "",
) -> None:
    """Print the manifest of the Slack app, and check the apps that the config names. Exit 1: not ready."""
    from bot.slack_setup import lacking, manifest
    from responders.slack import Config

    out = console()
    out.print("# At https://api.slack.com/apps: Create New App, From a manifest", style="dim", markup=False)
    typer.echo(manifest(http))
    if not options.config.exists():
        return
    found = [(name, one.config) for name, one in settings().responders.items()]
    missing = 0
    for name, config in ((name, config) for name, config in found if isinstance(config, Config)):
        problems = list(lacking(config))
        missing += len(problems)
        for line in problems or ["its token, scopes and channel are fine"]:
            out.print(f"responder {name}: {line}", markup=False, soft_wrap=True)
    raise typer.Exit(1 if missing else 0)
