"""`lienthong topology`: compare the broker with the directory, change it accordingly, verify it."""

import asyncio
from typing import Annotated

import typer

from bus.bootstrap.broker import provisioning, reached_broker, topology_of, tried
from bus.bootstrap.directory import directory_of
from bus.cli.options import Home, NewHome
from bus.cli.output import AsJson, Exit, listing, note
from bus.cli.recorded import recorded
from bus.core.plan import Plan
from bus.core.routing import Routing
from bus.rabbit.access_checks import AccessFinding
from bus.rabbit.provisioning import Finding
from bus.settings import Settings, load_settings
from schemas.problem import Language

app = typer.Typer(
    no_args_is_help=True,
    help="Compare the broker with what the directory asks for, and make it so.",
)


@app.command()
def plan(home: Home = None, as_json: AsJson = False) -> None:
    """Print the difference; change nothing. Exit 1 when there is one."""
    settings = load_settings(home=home)
    found = asyncio.run(_plan(settings))
    listing(_steps(found), as_json=as_json, title="To do")
    raise typer.Exit(Exit.REFUSED if found.steps else Exit.DONE)


@app.command()
def apply(
    home: NewHome = None,
    remove: Annotated[
        bool, typer.Option("--remove", help="Also remove what is not declared, save full queues.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Make the broker so. Safe to repeat. Exit 1 when a queue did not give its probe back."""
    settings = load_settings(home=home)
    with recorded(settings, "topology apply", "with --remove" if remove else ""):
        steps, findings = asyncio.run(_apply(settings, remove=remove))
    listing(_steps(steps), as_json=as_json, title="Done")
    for found in findings:
        note(found.sentence())
    raise typer.Exit(Exit.REFUSED if findings else Exit.DONE)


@app.command()
def verify(
    home: Home = None,
    thorough: Annotated[
        bool, typer.Option("--thorough", help="Try as every account, not as one of each kind.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Prove it: types, bindings, the policy in force, leaders, and a probe through every queue.

    Logs in as agencies, workers and the dead-letter handler and tries what each must not be able to
    do: every such thing must be refused. No trace is left. Exit 1 when anything is found; a note
    ("unchecked") says what this version of the broker cannot refuse, and recipients do.
    """
    findings = asyncio.run(_verify(load_settings(home=home), thorough=thorough))
    rows = [
        {
            "defect": found.defect,
            "object": found.name,
            "finding": found.sentence(),
            "finding_vi": found.sentence(Language.VIETNAMESE),
        }
        for found in findings
    ]
    listing(rows, as_json=as_json, title="Findings", columns=("defect", "object", "finding"))
    notes = [each for each in findings if isinstance(each, AccessFinding) and each.is_note]
    faults = len(findings) - len(notes)
    raise typer.Exit(Exit.REFUSED if faults else Exit.DONE)


def _routing(settings: Settings) -> Routing:
    return Routing(directory_of(settings).load())


async def _plan(settings: Settings) -> Plan:
    wanted = topology_of(settings, _routing(settings))
    async with reached_broker(settings) as address, provisioning(settings, address) as broker:
        return await broker.plan(wanted)


async def _apply(settings: Settings, *, remove: bool) -> tuple[Plan, tuple[Finding, ...]]:
    wanted = topology_of(settings, _routing(settings))
    async with reached_broker(settings) as address, provisioning(settings, address) as broker:
        plan = await broker.plan(wanted)
        applied = await broker.apply(plan, remove=remove)
        return plan, applied.findings


async def _verify(settings: Settings, *, thorough: bool) -> tuple[Finding | AccessFinding, ...]:
    routing = _routing(settings)
    async with reached_broker(settings) as address, provisioning(settings, address) as broker:
        found = await broker.verify(topology_of(settings, routing))
        return (*found, *await tried(settings, address, routing, thorough=thorough))


def _steps(plan: Plan) -> list[dict[str, object]]:
    return [
        {
            "change": step.change,
            "text_en": step.sentence(),
            "text_vi": step.sentence(Language.VIETNAMESE),
        }
        for step in plan.steps
    ]
