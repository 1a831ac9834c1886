"""Commands about learning: correct, train, evaluate."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from bot.cli.common import LEARNING, actor, app, console, house, print_json, settings, store_only
from bot.errors import NotPossible, StoreUnavailable

if TYPE_CHECKING:
    from rich.console import Console

    from bot.analysis.evaluation import Report
    from bot.analysis.training import Outcome

Files = Annotated[
    list[Path] | None, typer.Argument(help="Labelled JSONL, or folders of it.", metavar="[FILE]...")
]


@app.command(rich_help_panel=LEARNING)
def correct(
    mention: Annotated[int, typer.Argument(help="The number of the mention.")],
    sentiment: Annotated[str, typer.Option(help="negative, neutral or positive.")] = "",
    intent: Annotated[
        list[str] | None, typer.Option(help="What they want; several times, the leading one first.")
    ] = None,
    urgency: Annotated[str, typer.Option(help="low, normal, high or crisis.")] = "",
    needs_answer: Annotated[
        bool | None, typer.Option("--needs-answer/--needs-none", help="Whether anything is left to say.")
    ] = None,
) -> None:
    """Say what a mention really is. `vigie train` learns from it."""
    from bot.store import views

    labels: dict[str, Any] = {
        name: value
        for name, value in (("sentiment", sentiment), ("intents", intent), ("urgency", urgency))
        if value
    }
    if needs_answer is not None:
        labels["needs_answer"] = needs_answer
    with house() as built:
        with built.watch.store.read() as tx:
            seen = views.mention_row(tx, mention)["version"]
        built.desk.correct(mention, labels, seen, actor())
    console().print("Noted; `vigie train` learns from it.")


@app.command(rich_help_panel=LEARNING)
def train(
    files: Files = None,
    seed: Annotated[int, typer.Option(help="The same seed and lines give the same pipeline.")] = 0,
    rollback: Annotated[bool, typer.Option("--rollback", help="Go back to the pipeline before.")] = False,
) -> None:
    """Learn from corrections and labelled lines. The candidate is put in use only if nothing got worse."""
    from bot.analysis import training

    wanted = settings().root.analysis
    out = console()
    if rollback:
        version = training.rollback(wanted.models)
        out.print(f"In use again: {version or 'the pipeline that ships'}. Restart the daemon to use it.")
        return
    from bot.store import utcnow

    with tempfile.TemporaryDirectory() as folder:
        corrected = Path(folder) / "corrections.jsonl"
        count = _write_corrections(corrected)
        out.print(f"{count} corrections in the store.")
        lines = [corrected, *(files or [])] if count else list(files or [])
        outcome = training.train(
            lines, wanted.models, utcnow(), seed=seed, closed_reason=wanted.train_on_x, told=_progress(out)
        )
    _tell(out, outcome)
    raise typer.Exit(0 if outcome.promoted else 1)


def _write_corrections(file: Path) -> int:
    from bot.store import corrections

    try:
        with store_only() as store, store.read() as tx:
            lines = list(corrections.labelled(tx))
    except StoreUnavailable:
        return 0
    file.write_text("".join(json.dumps(line, ensure_ascii=False) + "\n" for line in lines), "utf-8")
    return len(lines)


def _progress(out: Console) -> Any:
    """Tell stages on a terminal as they begin; nothing in a pipe."""
    last = ""

    def told(stage: str, step: int, steps: int) -> None:  # noqa: ARG001
        nonlocal last
        if out.is_terminal and stage != last:
            last = stage
            out.print(f"{stage} … ({steps} steps)", style="dim")

    return told


def _tell(out: Console, outcome: Outcome) -> None:
    verdict = "[green]Put in use[/]" if outcome.promoted else "[yellow]Not put in use[/]"
    out.print(f"{verdict}: {outcome.version}")
    out.print(f"Learned from {outcome.learned_from} texts, judged by {outcome.held_out} kept aside.")
    if outcome.left_out:
        out.print(f"{outcome.left_out} texts from X were left out: its terms forbid training on them.")
    for reason in outcome.reasons:
        out.print(f"  {reason}", markup=False)
    if outcome.promoted:
        out.print("Restart the daemon to use it; `vigie train --rollback` goes back.")


@app.command(rich_help_panel=LEARNING)
def evaluate(
    files: Files = None,
    as_json: Annotated[bool, typer.Option("--json", help="For a machine.")] = False,
) -> None:
    """How good the tags are on labelled lines, beside VADER where it is installed."""
    from bot.analysis.evaluation import evaluate as judge
    from bot.analysis.examples import read

    if not files:
        raise NotPossible("name a file of labelled lines")
    examples, faults = read(files)
    for fault in faults:
        typer.echo(fault, err=True)
    if not examples:
        raise NotPossible("there is no labelled line to judge by")
    reports = [(name, judge(examples, tag)) for name, tag in _taggers()]
    # VADER knows moods alone: of the rest it says nothing, rather than nothing right.
    reports[1:] = [(name, replace(peer, figures=_moods(peer.figures))) for name, peer in reports[1:]]
    if as_json:
        print_json({name: _as_json(report) for name, report in reports})
    else:
        _print_reports(console(), reports)
    raise typer.Exit(1 if faults else 0)


def _taggers() -> list[tuple[str, Any]]:
    """The pipeline in use, and VADER if it is installed (``pip install vigie[bench]``)."""
    from bot.analysis import Tagger
    from bot.analysis.evaluation import vader
    from bot.cli.books import tagger

    mine: Tagger = tagger()
    mine.load()
    found: list[tuple[str, Any]] = [("vigie", mine.tag)]
    try:
        found.append(("VADER", vader()))
    except ImportError:
        typer.echo("VADER is not installed, so there is nothing to compare with", err=True)
    return found


def _moods(figures: Mapping[str, float]) -> dict[str, float]:
    return {name: value for name, value in figures.items() if name.startswith("sentiment")}


def _as_json(report: Report) -> dict[str, Any]:
    return {
        "texts": report.texts, "figures": dict(report.figures), "f1": dict(report.f1),
        "confusion": {wanted: dict(row) for wanted, row in report.confusion.items()},
        "texts_per_cpu_second": round(report.speed),
    }  # fmt: skip


def _print_reports(out: Console, reports: Sequence[tuple[str, Report]]) -> None:
    from rich.table import Table

    table = Table(box=None, pad_edge=False, header_style="dim")
    table.add_column(f"{reports[0][1].texts} texts")
    for name, _ in reports:
        table.add_column(name, justify="right")
    names = list(dict.fromkeys(figure for _, report in reports for figure in report.figures))
    for figure in names:
        table.add_row(figure, *(_number(report.figures.get(figure)) for _, report in reports))
    for mood in reports[0][1].f1:
        table.add_row(f"F1 {mood}", *(_number(report.f1.get(mood)) for _, report in reports))
    table.add_row("texts per CPU second", *(f"{report.speed:,.0f}" for _, report in reports))
    out.print(table)
    _print_confusion(out, reports[0][1])


def _print_confusion(out: Console, report: Report) -> None:
    from rich.table import Table

    table = Table(
        box=None, pad_edge=False, header_style="dim", title="labelled as (rows), tagged as (columns)"
    )
    table.add_column("")
    for mood in report.confusion:
        table.add_column(mood, justify="right")
    for wanted, row in report.confusion.items():
        table.add_row(wanted, *(str(row[mood]) for mood in report.confusion))
    out.print(table)


def _number(value: float | None) -> str:
    if value is None:
        return "–"
    return f"{value:.3f}" if value < 1 else f"{value:.1f}"
