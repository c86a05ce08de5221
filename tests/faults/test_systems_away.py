"""Agencies' systems that are away or slow: only their own mailboxes notice."""

import signal
from dataclasses import replace
from datetime import timedelta
from functools import partial
from pathlib import Path

import pytest

from bus.core.events import EndpointPaused, EndpointResumed
from tests.faults.axis import FOURTH, THIRD, agencies_at, eventually, failures_of, found_site
from tests.faults.systems import SlowEndpoint
from tests.faults.worker import Errand, worker_of
from tests.support.envelopes import RECIPIENT, SENDER
from tests.support.rabbit_bus import VirtualHost

EVERYBODY = (SENDER, RECIPIENT, THIRD, FOURTH)
BEFORE, LETTERS = 3, 30


@pytest.mark.parametrize("part", [".", "inbox"], ids=["everything", "what it receives"])
async def test_while_one_system_is_away_its_queue_waits_and_the_others_see_no_delay(
    vhost: VirtualHost, tmp_path: Path, part: str
) -> None:
    """Bad day 14: one alarm at the start, one at the end; in order within the lane when back."""
    site = await found_site(vhost, tmp_path, codes=EVERYBODY)
    folders, elsewhere = site.folders, tmp_path / "not mounted"
    home = folders.folder(RECIPIENT) / part
    others = (THIRD, FOURTH)
    async with agencies_at(site) as agencies, failures_of(site) as failures:
        async with agencies.at_work():
            for number in range(BEFORE):
                folders.drop(SENDER, f"{number:03}.edxml", site.letter(f"{number}"))
            await eventually(lambda: len(folders.statuses(SENDER)) == BEFORE)
            home.rename(elsewhere)
            for number in range(BEFORE, BEFORE + LETTERS):
                for to in (RECIPIENT, *others):
                    letter = site.letter(f"{number}", to=to)
                    folders.drop(SENDER, f"{number:03}-{to}.edxml", letter)
            await eventually(lambda: all(len(folders.documents(to)) == LETTERS for to in others))
            await eventually(lambda: agencies.of_type(EndpointPaused))
            assert not home.exists()
            assert agencies.of_type(EndpointResumed) == []

            elsewhere.rename(home)
            await eventually(lambda: len(folders.documents(RECIPIENT)) == BEFORE + LETTERS)
            await eventually(lambda: len(folders.statuses(SENDER)) == BEFORE + 3 * LETTERS)

    assert len(folders.sent(SENDER)) == BEFORE + 3 * LETTERS
    assert folders.numbers(RECIPIENT) == [str(number) for number in range(BEFORE + LETTERS)]
    assert [str(event.mailbox) for event in agencies.of_type(EndpointPaused)] == [RECIPIENT]
    assert [str(event.mailbox) for event in agencies.of_type(EndpointResumed)] == [RECIPIENT]
    assert failures.messages == []


async def test_a_worker_that_starts_while_a_system_is_away_waits_for_it_and_makes_no_other(
    vhost: VirtualHost, tmp_path: Path
) -> None:
    """Bad day 14, and a worker killed meanwhile: nothing is handed to folders nobody looks into."""
    site = await found_site(vhost, tmp_path)
    folders, elsewhere = site.folders, tmp_path / "not mounted"
    home = folders.folder(RECIPIENT)
    folders.drop(SENDER, "0.edxml", site.letter("0"))
    async with worker_of(Errand(site=site)) as worker:
        await eventually(lambda: folders.statuses(SENDER))
        home.rename(elsewhere)
        worker.send(signal.SIGKILL)
        assert await worker.ended() == -signal.SIGKILL
    async with worker_of(Errand(site=site)) as worker:
        for number in ("1", "2", "3"):
            folders.drop(SENDER, f"{number}.edxml", site.letter(number))
        await eventually(lambda: len(folders.sent(SENDER)) == 4)
        await eventually(lambda: worker.told(EndpointPaused))
        made_anew = home.exists()
        elsewhere.rename(home)
        await eventually(lambda: len(folders.statuses(SENDER)) == 4)

    assert not made_anew
    assert folders.numbers(RECIPIENT) == ["0", "1", "2", "3"]


async def test_a_slow_system_slows_its_own_mailbox_only(vhost: VirtualHost, tmp_path: Path) -> None:
    """Bad day 15: 1.5 s for each hand-over; the others are served at once."""
    site = await found_site(vhost, tmp_path, codes=EVERYBODY)
    folders = site.folders
    slow = partial(SlowEndpoint, takes=timedelta(seconds=1.5), codes=(RECIPIENT,))
    async with agencies_at(site, alter=lambda parts: replace(parts, endpoint=slow)) as agencies:
        async with agencies.at_work(), failures_of(site) as failures:
            for number in range(6):
                folders.drop(SENDER, f"{number}.edxml", site.letter(f"{number}"))
            for number in range(40):
                letter = site.letter(f"{number}", sender=THIRD, to=FOURTH)
                folders.drop(THIRD, f"{number:02}.edxml", letter)

            await eventually(lambda: len(folders.statuses(THIRD)) == 40)
            behind = len(folders.documents(RECIPIENT))
            await eventually(lambda: len(folders.statuses(SENDER)) == 6)

    assert behind < 6
    assert len(folders.documents(FOURTH)) == 40
    assert len(folders.documents(RECIPIENT)) == 6
    assert failures.messages == []
