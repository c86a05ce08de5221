"""For any bytes either a value or an error of the catalogue, in bounded time; see `tests.fuzz`."""

import time

import pytest
from hypothesis import HealthCheck, Phase, given, settings

from bus.rabbit import frames
from bus.rabbit.frame_reader import ChannelReader
from tests.fuzz.corpus import corpus
from tests.fuzz.mutation import mutated
from tests.fuzz.targets import TARGETS

SECONDS_AN_INPUT = 5


@pytest.mark.parametrize("target", TARGETS)
def test_what_we_write_ourselves_keeps_the_promise(target: str) -> None:
    for data in corpus(target):
        TARGETS[target](data)


@pytest.mark.parametrize("target", TARGETS)
def test_what_is_near_it_keeps_the_promise_too(target: str) -> None:
    @settings(
        max_examples=150,
        deadline=None,
        phases=(Phase.explicit, Phase.generate, Phase.shrink),
        suppress_health_check=[HealthCheck.data_too_large, HealthCheck.too_slow],
    )
    @given(mutated(target))
    def holds(data: bytes) -> None:
        began = time.process_time()
        TARGETS[target](data)
        assert time.process_time() - began < SECONDS_AN_INPUT

    holds()


def _read(method: bytes) -> None:
    frames.answered(method)


@pytest.mark.parametrize("payload", [b"", b"\0\0\0", b"\0\x3c\0\x50", b"\0\x3c\0\x3c\x05ab"])
def test_a_frame_that_is_cut_off_is_left_to_the_driver(payload: bytes) -> None:
    """Found by fuzzing: it ended the connection with an error of ours."""
    reader = ChannelReader(on_message=lambda *_: None, on_answer=_read)

    assert not reader.takes(1, payload)
