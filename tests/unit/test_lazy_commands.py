"""Commands are imported when they are called, and described truly before."""

import json
import subprocess
import sys

import pytest

from bus.cli.lazy import COMMANDS, load

_LIST_MODULES = """
import atexit, json, sys
atexit.register(lambda: sys.stderr.write(json.dumps(sorted(sys.modules))))
from bus.cli import main
sys.argv = ["lienthong", "--help"]
main()
"""
_OURS = {"bus", "bus.cli", "bus.cli.app", "bus.cli.encoding", "bus.cli.lazy"}
_OF_THE_TERMINAL = {
    *("annotated_doc", "attr", "markdown_it", "mdurl", "pygments", "rich"),
    *("shellingham", "typer", "typing_extensions"),
}


def test_help_imports_what_draws_it_and_nothing_else() -> None:
    run = subprocess.run(
        [sys.executable, "-c", _LIST_MODULES], capture_output=True, check=True, text=True
    )
    loaded = {str(name) for name in json.loads(run.stderr)}

    assert {
        name for name in loaded if name.split(".")[0] in {"bus", "adapters", "schemas"}
    } == _OURS
    packages = {name.split(".")[0] for name in loaded} - set(sys.stdlib_module_names) - {"bus"}
    assert {name for name in packages if not name.startswith("_")} <= _OF_THE_TERMINAL


@pytest.mark.parametrize("name", COMMANDS)
def test_a_command_is_described_by_the_first_sentence_of_its_help(name: str) -> None:
    told = (load(name).help or "").split("\n\n")[0]

    assert " ".join(told.split()) == COMMANDS[name][1]
