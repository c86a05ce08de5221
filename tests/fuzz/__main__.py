"""Fuzz: `python -m tests.fuzz --duration 60 --seed 7`: hostile bytes at everything that reads them.

Each target runs in a process of its own: hypothesis near valid inputs for a quarter of the time,
then atheris, led by coverage, where it is installed. A finding is written to `.fuzz/<target>` and
ends the run with exit 1.
"""

import argparse
import os
import random
import subprocess
import sys
import time
from pathlib import Path

FOLDER = Path(".fuzz")
_MOST_SECONDS_AN_INPUT = 10
_MOST_MEBIBYTES = 2048
_HYPOTHESIS_SHARE = 0.25


def main() -> None:
    """Run the targets one after another, or one of them in this process."""
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    parser.add_argument("--duration", type=float, default=60, help="seconds for each target")
    parser.add_argument("--seed", type=int, default=None)
    parser.add_argument("--target", action="append", help="may be repeated; default: all")
    parser.add_argument("--with", dest="engine", choices=("hypothesis", "atheris"))
    given = parser.parse_args()
    seed = random.SystemRandom().randrange(1 << 31) if given.seed is None else given.seed
    if given.engine == "hypothesis":
        by_hypothesis(given.target[0], given.duration, seed)
    elif given.engine == "atheris":
        by_atheris(given.target[0], given.duration, seed)
    else:
        sys.exit(run(given.target, given.duration, seed))


def run(targets: list[str] | None, duration: float, seed: int) -> int:
    """Run all targets; 1 when there was a finding."""
    from tests.fuzz.targets import TARGETS  # noqa: PLC0415 (not before atheris can instrument)

    findings = 0
    for target in targets or TARGETS:
        engines = [("hypothesis", duration)]
        if _has_atheris():
            share = duration * _HYPOTHESIS_SHARE
            engines = [("hypothesis", share), ("atheris", duration - share)]
        for engine, seconds in engines:
            _say(f"{target}: {engine} for {seconds:.0f} s, seed {seed}")
            command = [sys.executable, "-m", "tests.fuzz", "--with", engine, "--target", target]
            command += ["--duration", str(seconds), "--seed", str(seed)]
            if subprocess.run(command, check=False).returncode:
                findings += 1
                _say(f"{target}: a FINDING by {engine}, see {FOLDER / target}")
    _say(f"{findings} findings" if findings else "no findings")
    return 1 if findings else 0


def by_hypothesis(target: str, duration: float, seed: int) -> None:
    """Near valid inputs, until the time is over or something is found."""
    from hypothesis import HealthCheck, Phase, given, settings  # noqa: PLC0415
    from hypothesis import seed as seeded  # noqa: PLC0415

    from tests.fuzz.mutation import mutated  # noqa: PLC0415
    from tests.fuzz.targets import TARGETS  # noqa: PLC0415

    judge, until = TARGETS[target], time.monotonic() + duration
    inputs = 0

    def attack(data: bytes) -> None:
        nonlocal inputs
        inputs += 1
        began = time.process_time()
        judge(data)
        assert time.process_time() - began < _MOST_SECONDS_AN_INPUT, "it took too long"

    rounds = 0
    while time.monotonic() < until:
        holds = settings(
            max_examples=500,
            database=None,
            deadline=None,
            phases=(Phase.generate, Phase.shrink),
            suppress_health_check=list(HealthCheck),
        )(given(mutated(target))(attack))
        seeded(seed + rounds)(holds)()
        rounds += 1
    _say(f"{target}: {inputs} inputs")


def by_atheris(target: str, duration: float, seed: int) -> None:
    """Led by coverage, from the corpus and from what earlier runs have found interesting."""
    import atheris  # noqa: PLC0415

    with atheris.instrument_imports(include=["adapters", "bus.core", "bus.rabbit", "schemas"]):
        from tests.fuzz.targets import TARGETS  # noqa: PLC0415
    from tests.fuzz.corpus import corpus  # noqa: PLC0415

    folder = FOLDER / target
    seeds = folder / "corpus"
    seeds.mkdir(parents=True, exist_ok=True)
    for number, data in enumerate(corpus(target)):
        (seeds / f"own-{number}").write_bytes(data)
    options = [
        f"-max_total_time={int(duration)}",
        f"-timeout={_MOST_SECONDS_AN_INPUT}",
        f"-rss_limit_mb={_MOST_MEBIBYTES}",
        f"-seed={seed or 1}",
        f"-artifact_prefix={folder}{os.sep}",
        "-max_len=20000",
        "-print_final_stats=1",
        "-verbosity=0",
    ]
    atheris.Setup([sys.argv[0], *options, str(seeds)], TARGETS[target])
    atheris.Fuzz()


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def _has_atheris() -> bool:
    try:
        import atheris  # noqa: F401, PLC0415
    except ImportError:
        return False
    return True


if __name__ == "__main__":
    main()
