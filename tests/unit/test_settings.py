"""What an operator chooses is read alike by every process, or refused in one sentence."""

from datetime import timedelta
from pathlib import Path

import pytest

from bus.core.failure import FailureClass
from bus.settings import load_settings
from schemas.problem import ConfigurationError


def test_a_worker_reads_the_very_choices_of_its_axis(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    chosen = load_settings(
        home=tmp_path,
        workers=3,
        may_install=True,
        edxml_strict=["H05", "G09"],
        retries={FailureClass.OURS: (timedelta(seconds=5), timedelta(minutes=2))},
    )

    for name, value in chosen.environment.items():
        monkeypatch.setenv(name, value)

    assert load_settings() == chosen


@pytest.mark.parametrize(
    ("value", "told"),
    [
        ('{"ours": [5, "PT2M"]', "delimiter"),
        ('{"nobody": [5]}', "nobody"),
        ('{"ours": ["soon"]}', "ours.0"),
    ],
)
def test_a_schedule_that_cannot_be_read_is_refused_in_one_sentence(
    value: str, told: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LIENTHONG_RETRIES", value)

    with pytest.raises(ConfigurationError, match="E_SETTING") as refused:
        load_settings()

    assert told in str(refused.value)
