"""The page about the architecture names only files, classes and functions that exist."""

import ast
import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
CODE = re.compile(r"`((?:bus|adapters|schemas|deploy|tests)/[^`:]+)(?::([^`]+))?`")


def defined_in(path: Path) -> set[str]:
    """The names that a module defines, and those of its classes as `Class.name`."""
    names: set[str] = set()

    def add(body: list[ast.stmt], before: str) -> None:
        for node in body:
            match node:
                case ast.ClassDef(name=name, body=inner):
                    names.add(before + name)
                    add(inner, f"{before}{name}.")
                case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name):
                    names.add(before + name)
                case (
                    ast.Assign(targets=[ast.Name(id=name)])
                    | ast.AnnAssign(target=ast.Name(id=name))
                ):
                    names.add(before + name)
                case _:
                    pass

    add(ast.parse(path.read_text(encoding="utf-8")).body, "")
    return names


def test_every_file_and_name_on_the_page_exists() -> None:
    absent = [
        f"{path}:{name}"
        for path, name in CODE.findall(PAGE)
        if not (ROOT / path).exists() or (name and name not in defined_in(ROOT / path))
    ]

    assert absent == []


def test_the_picture_shows_every_room() -> None:
    rooms = {path.parent.name for path in (ROOT / "bus").glob("*/__init__.py")}

    assert {room for room in rooms if f"bus/{room}<br>" not in PAGE} == set()


def test_the_page_locates_at_least_twenty_changes() -> None:
    table = PAGE.partition("| to change | open |")[2].splitlines()[2:]

    assert len([row for row in table if row.startswith("|")]) >= 20
