"""Report: what an agency's system is told about a file, in `<name>.error.json`."""

import json
from collections.abc import Sequence

from schemas.problem import Language, Problem

REPORT_SUFFIX = ".error.json"


def report(name: str, problems: Sequence[Problem], *, sent: bool) -> bytes:
    """The report about a file, UTF-8 JSON.

    Args:
        sent: The file was sent, only not to the receivers that the problems name.
    """
    told = {
        "file": name,
        "sent_to_other_receivers": sent,
        "problems": [_told(problem) for problem in problems],
    }
    return json.dumps(told, ensure_ascii=False, indent=2).encode() + b"\n"


def _told(problem: Problem) -> dict[str, object]:
    return {
        "code": problem.code,
        "fault": problem.fault,
        "place": problem.place.model_dump(exclude_none=True),
        "params": problem.params,
        "text": {language.value: problem.text(language) for language in Language},
        "advice": {language.value: problem.advice(language) for language in Language},
    }
