"""`vigie user`: who may sign in to the inbox."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated, Any

import typer

from bot.cli.common import WATCH, actor, app, console, options, print_json, settings, store_only
from bot.roles import Role

if TYPE_CHECKING:
    from bot.config import Settings
    from bot.store import Row, Store

user = typer.Typer(no_args_is_help=True, help="Who may sign in to the inbox.")
app.add_typer(user, name="user", rich_help_panel=WATCH)
Name = Annotated[str, typer.Argument(help="Their name, as the log keeps it.")]


@user.command()
def add(name: Name, role: Annotated[Role, typer.Option(help="What they may do.")] = Role.AGENT) -> None:
    """Add somebody, and print the one-time link by which they set their password."""
    from bot.store import ms, staff, utcnow

    with _settings_and_store() as (loaded, store):
        with store.tx() as tx:
            token = staff.add(tx, name, role, actor(), ms(utcnow()))
        _print_link(loaded, name, token)


@user.command(name="list")
def list_(as_json: Annotated[bool, typer.Option("--json", help="For a machine.")] = False) -> None:
    """Who there is, with their roles."""
    from bot.store import users

    with store_only() as store, store.read() as tx:
        rows = [_shown(row) for row in users.everybody(tx)]
    if as_json:
        print_json(rows)
        return
    out = console()
    if not rows:
        out.print("Nobody yet: vigie user add NAME --role admin")
    for row in rows:
        out.print(f"{row['name']}: {', '.join(_notes(row))}", markup=False)


def _shown(row: Row) -> dict[str, Any]:
    return {
        "name": row["name"], "role": row["role"], "password": bool(row["has_password"]),
        "second_factor": bool(row["has_totp"]), "left": row["left_at"] is not None,
    }  # fmt: skip


def _notes(row: dict[str, Any]) -> Iterator[str]:
    yield row["role"]
    if row["left"]:
        yield "has left"
    elif not row["password"]:
        yield "no password yet"
    if row["second_factor"]:
        yield "second factor"


@user.command(name="role")
def role_(name: Name, role: Annotated[Role, typer.Argument(help="What they may do from now on.")]) -> None:
    """Give somebody another role. They sign in anew."""
    from bot.store import ms, staff, users, utcnow

    with store_only() as store, store.tx() as tx:
        staff.change_role(tx, users.here(tx, name), role, actor(), ms(utcnow()))
    console().print(f"{name} is {role.value} now.", markup=False)


@user.command()
def reset(name: Name) -> None:
    """For who lost password or phone: take both away, sign them out, print a new one-time link."""
    from bot.store import ms, staff, users, utcnow

    with _settings_and_store() as (loaded, store):
        with store.tx() as tx:
            token = staff.reset(tx, users.here(tx, name), actor(), ms(utcnow()))
        _print_link(loaded, name, token)


@user.command()
def remove(name: Name) -> None:
    """Somebody leaves: they cannot sign in any more. What they did stays in the log under their name."""
    from bot.store import ms, staff, users, utcnow

    with store_only() as store, store.tx() as tx:
        staff.remove(tx, users.here(tx, name), actor(), ms(utcnow()))
    console().print(f"{name} cannot sign in any more.", markup=False)


@contextmanager
def _settings_and_store() -> Iterator[tuple[Settings, Store]]:
    """The store is made where there is none yet: the first user may come before the first run."""
    from bot.store import open_store

    loaded = settings()
    store = open_store(options.store or loaded.root.store)
    try:
        yield loaded, store
    finally:
        store.close()


def _print_link(loaded: Settings, name: str, token: str) -> None:
    from bot.web.links import link

    typer.echo(f"{name} sets a password here, once and within a day:\n{link(loaded.root.web, token)}")
