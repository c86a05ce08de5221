"""Options that belong together are declared once."""

from dataclasses import dataclass
from typing import Annotated

import typer
from typer.testing import CliRunner

from bus.cli.option_set import takes_sets


@dataclass(frozen=True, kw_only=True)
class Filter:
    names: Annotated[list[str] | None, typer.Argument()] = None
    colour: Annotated[str | None, typer.Option("--color")] = None


@dataclass(frozen=True, kw_only=True)
class Wider(Filter):
    loud: bool = False


def run(*arguments: str) -> str:
    app = typer.Typer()

    @app.command()
    @takes_sets
    def paint(wanted: Wider, who: Annotated[str, typer.Option()], times: int = 1) -> None:
        """Paint."""
        typer.echo(f"{wanted.names} {wanted.colour} {wanted.loud} {who} {times}")

    result = CliRunner().invoke(app, arguments)
    return result.output.strip()


def test_a_command_gets_its_sets_as_values() -> None:
    said = run("a", "b", "--color", "red", "--loud", "--who", "an", "--times", "3")

    assert said == "['a', 'b'] red True an 3"


def test_defaults_are_those_of_the_set() -> None:
    assert run("--who", "an") == "None None False an 1"


def test_what_a_command_needs_it_still_needs() -> None:
    assert "--who" in run("a")
