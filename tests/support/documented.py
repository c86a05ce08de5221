"""Documented: the files that a page of the documentation shows, as modules that can be imported."""

import re
import sys
from pathlib import Path
from types import ModuleType

_BLOCK = re.compile(r"```python\n# (\w+)\.py\n(.*?)```", re.DOTALL)


def modules_of(page: str) -> dict[str, ModuleType]:
    """The modules of a page by name: each code block whose first line is its file name."""
    modules = {}
    text = Path(__file__).parents[2].joinpath("docs", page).read_text(encoding="utf-8")
    for name, code in _BLOCK.findall(text):
        modules[name] = sys.modules[name] = ModuleType(name)
        exec(compile(code, f"{page}/{name}.py", "exec"), modules[name].__dict__)  # noqa: S102
    return modules
