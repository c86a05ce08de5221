"""Endpoint conformance: the promises of `adapters.contract.Endpoint`, as tests to inherit.

    class TestMyEndpoint(EndpointConformance):
        factory = MyEndpoint

        def agency(self, context: EndpointContext) -> Agency:
            return MyAgency(context)

`bench.OnBench` says what else can be declared. `Agency` is a small driver that does what the
agency's own system would do.
"""

import asyncio
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path

from adapters.conformance import promised
from adapters.conformance.bench import (
    LOOK_SECONDS,
    Agency,
    AnsweringAgency,
    Arrived,
    Bench,
    OnBench,
    RefusingAgency,
    code_of,
    on_bench,
)
from adapters.conformance.offers import OfferPromises
from schemas.problem import ConfigurationError, Place, Problem

__all__ = ["Agency", "AnsweringAgency", "Arrived", "EndpointConformance", "RefusingAgency"]

_REFUSED = Problem(code="E_MISSING_ID", place=Place(line=3, field="document_id"))
_NOTICE = Problem(code="E_UNKNOWN_RECEIVER", params={"code": "Y99"})
_IDLE_SECONDS = 0.2
_MOST_RETURNS = 100
_CLOCK_TICK = timedelta(seconds=2)
"""How coarsely a system may keep the time at which a file was given (FAT: 2 s)."""


class SubmissionPromises(OnBench):
    """What an endpoint promises about the files that an agency's system gives to be sent."""

    @on_bench
    async def test_a_complete_file_is_submitted_and_can_be_read(self, bench: Bench) -> None:
        """With its name and size; the stream is seekable."""
        bench.agency.drop("letter.edxml", b"content")
        (submission,) = await bench.submissions(1)
        promised((submission.name, submission.size) == ("letter.edxml", 7), "name and size")
        with await asyncio.to_thread(bench.endpoint.open, submission) as file:
            first = file.read()
            file.seek(0)
            promised(first == file.read() == b"content", "it opens the file, seekable")

    @on_bench
    async def test_files_are_submitted_oldest_first(self, bench: Bench) -> None:
        """However they are named."""
        for name in ("c", "a", "b"):
            bench.agency.drop(name, b"content")
            await asyncio.sleep(LOOK_SECONDS)
        names = [submission.name for submission in await bench.submissions(3)]
        promised(names == ["c", "a", "b"], "oldest first")

    @on_bench
    async def test_a_file_is_not_submitted_while_it_is_being_written(self, bench: Bench) -> None:
        """It does not hold up the others."""
        with bench.agency.dropping("half", b"half and half"):
            bench.agency.drop("whole", b"content")
            names = {submission.name for submission in await bench.submissions(1)}
            promised(names == {"whole"}, "never a file that is still being written")
        sizes = {submission.name: submission.size for submission in await bench.submissions(2)}
        promised(sizes["half"] == 13, "it is submitted when it is complete")

    @on_bench
    async def test_a_file_is_submitted_until_it_is_accepted(self, bench: Bench) -> None:
        """Across restarts, and under the same version."""
        bench.agency.drop("letter", b"content")
        (first,) = await bench.submissions(1)
        bench.crash()
        (again,) = await bench.submissions(1)
        promised(first == again, "the same file has the same version")
        await bench.endpoint.accept(again)
        promised(not await bench.endpoint.submissions(), "an accepted file is not submitted again")
        await bench.restart()
        promised(not await bench.endpoint.submissions(), "nor after a restart")
        promised(not bench.agency.told(), "there is nothing to tell")

    @on_bench
    async def test_a_refused_file_is_told_with_its_reasons(self, bench: Bench) -> None:
        """It is not submitted again."""
        bench.agency.drop("letter", b"content")
        (submission,) = await bench.submissions(1)
        await bench.endpoint.refuse(submission, [_REFUSED, _NOTICE])
        codes = list(bench.agency.told().get("letter", ()))
        promised(codes == [_REFUSED.code, _NOTICE.code], "the agency is told why")
        promised(not await bench.endpoint.submissions(), "a refused file is not submitted again")

    @on_bench
    async def test_refused_receivers_of_an_accepted_file_are_told(self, bench: Bench) -> None:
        """Although the file was sent to the others."""
        bench.agency.drop("letter", b"content")
        (submission,) = await bench.submissions(1)
        await bench.endpoint.accept(submission, notices=[_NOTICE])
        promised(list(bench.agency.told().get("letter", ())) == [_NOTICE.code], "notices are told")
        promised(not await bench.endpoint.submissions(), "an accepted file is not submitted again")

    @on_bench
    async def test_a_file_may_be_taken_back(self, bench: Bench) -> None:
        """To accept or refuse it afterwards is harmless."""
        bench.agency.drop("letter", b"content")
        (submission,) = await bench.submissions(1)
        bench.agency.take_back("letter")
        promised(await bench.read(submission) is None, "open says that it is gone")
        await bench.endpoint.accept(submission)
        await bench.endpoint.refuse(submission, [_REFUSED])
        promised(not await bench.endpoint.submissions(), "it is not submitted")

    @on_bench
    async def test_a_file_may_be_replaced(self, bench: Bench) -> None:
        """What is said of the first is not taken for the second."""
        bench.agency.drop("letter", b"first")
        (first,) = await bench.submissions(1)
        bench.agency.drop("letter", b"second content")
        promised(await bench.read(first) is None, "open never opens another file")
        await bench.endpoint.accept(first)
        (second,) = await bench.submissions(1)
        promised(second.version != first.version, "another file has another version")
        promised(await bench.read(second) == b"second content", "the second is still there")

    @on_bench
    async def test_a_name_may_be_used_again(self, bench: Bench) -> None:
        """Systems that always write to the same name lose nothing."""
        for content in (b"first", b"second"):
            bench.agency.drop("letter", content)
            (submission,) = await bench.submissions(1)
            promised(await bench.read(submission) == content, "each file is submitted")
            await bench.endpoint.accept(submission)
        promised(not await bench.endpoint.submissions(), "each file is accepted")

    @on_bench
    async def test_the_oldest_file_that_waits_is_known(self, bench: Bench) -> None:
        """None of an empty outbox, and while the system is away."""
        promised(await bench.endpoint.oldest_waiting() is None, "nothing waits")
        before = datetime.now(UTC) - _CLOCK_TICK
        bench.agency.drop("first", b"content")
        (first,) = await bench.submissions(1)
        since = await bench.endpoint.oldest_waiting()
        promised(since is not None and since.tzinfo is not None, "an aware moment")
        if since is not None:
            after = datetime.now(UTC) + _CLOCK_TICK
            promised(before <= since <= after, "the moment at which it was given")
        await asyncio.sleep(LOOK_SECONDS)
        bench.agency.drop("second", b"content")
        await bench.submissions(2)
        promised(await bench.endpoint.oldest_waiting() == since, "the oldest of several")
        with bench.agency.away():
            promised(await bench.endpoint.oldest_waiting() is None, "nothing while it is away")
        for submission in (first, *await bench.submissions(2)):
            await bench.endpoint.accept(submission)
        promised(await bench.endpoint.oldest_waiting() is None, "nothing waits any more")

    @on_bench
    async def test_nothing_is_accepted_or_refused_while_the_system_is_away(
        self, bench: Bench
    ) -> None:
        """It says so, and the file is still there afterwards."""
        bench.agency.drop("letter", b"content")
        (submission,) = await bench.submissions(1)
        with bench.agency.away():
            codes = [
                await code_of(bench.endpoint.submissions()),
                await code_of(bench.endpoint.accept(submission)),
                await code_of(bench.endpoint.refuse(submission, [_REFUSED])),
            ]
            promised(codes == ["E_ENDPOINT_DOWN"] * 3, "it is down")
        (again,) = await bench.submissions(1)
        await bench.endpoint.accept(again)
        promised(not await bench.endpoint.submissions(), "it is accepted when it is back")
        promised(not bench.agency.told(), "nothing was refused")


class ChangePromises(OnBench):
    """What an endpoint promises about noticing what is new."""

    @on_bench
    async def test_a_new_file_ends_the_wait_for_a_change(self, bench: Bench) -> None:
        """Also when it comes between the start of the wait and the look."""
        if not self.notices:
            return
        waits = [asyncio.create_task(bench.endpoint.changed()) for _ in range(2)]
        await asyncio.sleep(0)
        bench.agency.drop("letter", b"content")
        await bench.endpoint.submissions()
        _, late = await asyncio.wait(waits, timeout=bench.patience)
        for wait in late:
            wait.cancel()
        promised(not late, "all that wait for a change notice it")

    @on_bench
    async def test_waiting_for_a_change_is_no_busy_loop(self, bench: Bench) -> None:
        """It may return for nothing, but not at once again and again."""
        returns = 0
        with suppress(TimeoutError):
            async with asyncio.timeout(_IDLE_SECONDS):
                while returns <= _MOST_RETURNS:
                    await bench.endpoint.changed()
                    returns += 1
        promised(returns <= _MOST_RETURNS, "not at once again and again")

    @on_bench
    async def test_a_wait_that_was_cancelled_harms_no_other(self, bench: Bench) -> None:
        """A service that stops cancels it at any time."""
        if not self.notices:
            return
        cancelled, waiting = (asyncio.create_task(bench.endpoint.changed()) for _ in range(2))
        await asyncio.sleep(0)
        cancelled.cancel()
        await asyncio.wait([cancelled])
        bench.agency.drop("letter", b"content")
        done, _ = await asyncio.wait([waiting], timeout=bench.patience)
        ended = bool(done) and not waiting.cancelled()
        waiting.cancel()
        promised(cancelled.cancelled(), "a wait can be cancelled")
        promised(ended, "the other wait ends with the change")


class LifePromises(OnBench):
    """What an endpoint promises about its beginning and its end."""

    @on_bench
    async def test_it_is_built_while_its_system_is_away(self, bench: Bench) -> None:
        """An agency that is away must not keep out the others; it works once it is back."""
        with bench.agency.away():
            await bench.restart()
            promised(await code_of(bench.endpoint.probe()) == "E_ENDPOINT_DOWN", "it is down")
        await bench.endpoint.probe()
        bench.agency.drop("letter", b"content")
        await bench.submissions(1)
        promised(await bench.offer("d1", b"content") is self.answer, "it works when it is back")

    def test_a_wrong_setting_is_a_mistake_of_the_operator(self) -> None:
        """The error E_SETTING says so when it is built."""
        if not self.wrong_settings:
            return
        context = self.context(Path(), {**self.settings, **self.wrong_settings})
        try:
            type(self).factory(context)
        except ConfigurationError as error:
            promised(error.problem.code == "E_SETTING", "the code is E_SETTING")
        else:
            promised(False, "a wrong setting is refused")

    @on_bench
    async def test_nothing_goes_on_after_the_end(self, bench: Bench) -> None:
        """`close` ends every task of the endpoint, also those that wait."""
        others = asyncio.all_tasks()
        await bench.restart()
        waiting = asyncio.create_task(bench.endpoint.changed())
        await asyncio.sleep(0)
        bench.agency.drop("letter", b"content")
        await bench.submissions(1)
        await bench.offer("d1", b"content")
        waiting.cancel()
        await bench.restart()
        with suppress(TimeoutError):
            async with asyncio.timeout(bench.patience):
                while left := asyncio.all_tasks() - others:  # noqa: ASYNC110 (tasks say nothing)
                    await asyncio.sleep(LOOK_SECONDS)
        promised(not left, "no task of the endpoint is left")


class EndpointConformance(SubmissionPromises, ChangePromises, OfferPromises, LifePromises):
    """Inherit under a name that begins with `Test`; declare `factory` and `agency`."""
