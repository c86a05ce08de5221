"""Documented: the files that a page of the documentation shows, as modules that can be imported."""

import re
import sys
from pathlib import Path
from types import ModuleType

_BLOCK = re.compile(r"```python\n# (\w+)\.py\n(.*?)```", re.DOTALL)


def code_of(page: str) -> dict[str, str]:
    """The files of a page by module: each code block whose first line is its file name."""
    text = Path(__file__).parents[2].joinpath("docs", page).read_text(encoding="utf-8")
    return dict(_BLOCK.findall(text))


def modules_of(page: str) -> dict[str, ModuleType]:
    """The files of a page as modules."""
    modules = {}
    for name, code in code_of(page).items():
        modules[name] = sys.modules[name] = ModuleType(name)
        exec(compile(code, f"{page}/{name}.py", "exec"), modules[name].__dict__)  # noqa: S102
    return modules
