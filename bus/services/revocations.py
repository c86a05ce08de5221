"""Ask all sources of revocations in the background, and report changes.

No message waits for this. Each source has its own task, so that one that hangs delays no other.
"""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta

from bus.core.crash import cause_of, problem_of
from bus.core.events import ItemSkipped, ServiceName
from bus.core.key_events import CertificateRevoked
from bus.core.keyring import thumbprint_of
from bus.core.revocation.crl import read_crl
from bus.core.revocation.ocsp import question, read_answer
from bus.core.revocation.source import Source, Subject, filed_list, sources_of, subjects_of
from bus.core.revocation.source_record import SourceRecords, after_round
from bus.core.revocation.statement import Answer, RevocationSource
from bus.ports import Clock, Observer
from bus.ports.revocation import RevocationFetcher, RevocationStore
from schemas.problem import AxisError, Problem, TransportError
from schemas.term import Coded, term

KEY_FOLDER = "the key folder"
"""The name of the key folder as a source: it may be unreadable, or its disk full."""

LOOK_EVERY = timedelta(seconds=2)
"""How often to look whether an operator has stored a list or a certificate."""


@dataclass(kw_only=True)
class Revocations:
    """Asks all sources of an axis.

    Attributes:
        every: How often each source is asked.
        grace: How long the last answer of a source may be used before an alarm.
        nonce: Returns a new nonce for each OCSP request.
    """

    fetcher: RevocationFetcher
    store: RevocationStore
    every: timedelta
    grace: timedelta
    nonce: Callable[[], bytes]
    clock: Clock
    observe: Observer

    def __post_init__(self) -> None:
        self._known = SourceRecords()
        self._loaded = False
        self._names: dict[str, str] = {}
        self._saving = asyncio.Lock()
        self._asking: set[str] = set()
        self._unsaved = False

    async def run(self) -> None:
        """Ask until cancelled. The next round does not wait for a slow source."""
        async with asyncio.TaskGroup() as tasks:
            while True:
                seen = await asyncio.to_thread(self.store.stamp)
                await self._begin(tasks)
                await self._rest(seen)

    async def ask_all(self) -> None:
        """Ask every source once, all at the same time."""
        async with asyncio.TaskGroup() as tasks:
            await self._begin(tasks)

    async def _begin(self, tasks: asyncio.TaskGroup) -> None:
        try:
            if not self._loaded:
                self._known = await asyncio.to_thread(self.store.load)
                self._loaded = True
            sources, skipped = await asyncio.to_thread(self._sources)
        except AxisError as error:
            self._note_folder(error.problem)
            return
        for event in skipped:
            self.observe(event)
        if not self._unsaved:
            self._note_folder(None)
        self._known = self._known.only_asking({KEY_FOLDER, *(source.name for source in sources)})
        for source in sources:
            if source.name not in self._asking:
                self._asking.add(source.name)
                tasks.create_task(self._ask(source))

    async def _rest(self, seen: int) -> None:
        loop = asyncio.get_running_loop()
        end = loop.time() + self.every.total_seconds()
        while loop.time() < end:
            await asyncio.sleep(min(LOOK_EVERY.total_seconds(), max(0, end - loop.time())))
            if await asyncio.to_thread(self.store.stamp) != seen:
                return

    def _note_folder(self, problem: Problem | None) -> None:
        record = self._known.of(KEY_FOLDER)
        if problem is not None or record.lost_since is not None:
            record, events = after_round(record, (), problem, now=self.clock(), grace=self.grace)
            self._known = self._known.with_record(record)
            for event in events:
                self.observe(event)

    def _sources(self) -> tuple[tuple[Source, ...], tuple[ItemSkipped, ...]]:
        """The sources to ask, and the certificates and lists that cannot be used."""
        chains, names, skipped = [], {}, []
        for chain in self.store.chains():
            try:
                subjects = subjects_of([chain], now=self.clock())
                sources_of(subjects)
                for each in subjects:
                    subject = each.certificate.subject.rfc4514_string()
                    names[thumbprint_of(each.certificate)] = subject
            except Exception as error:  # noqa: BLE001 (one certificate must not hide the others)
                skipped.append(_skipped(f"certificate {thumbprint_of(chain[0])}", error))
            else:
                chains.append(chain)
        subjects, lists = subjects_of(chains, now=self.clock()), []
        for name, data in self.store.filed_lists().items():
            try:
                lists.append(filed_list(name, data, subjects))
            except Exception as error:  # noqa: BLE001 (nor one list)
                skipped.append(_skipped(f"list {name}", error))
        self._names = names
        return (*sources_of(subjects), *lists), tuple(skipped)

    async def _ask(self, source: Source) -> None:
        try:
            try:
                answers, problem = await self._answers(source)
            except TransportError as error:
                answers, problem = (), error.problem
            except Exception as error:  # noqa: BLE001 (a bug in reading one must not stop the axis)
                answers, problem = (), _problem(source, term("crash", error=cause_of(error)))
            await self._take_up(source, answers, problem)
        except Exception as error:  # noqa: BLE001 (nor in storing its answer)
            self.observe(_skipped(source.name, error))
        finally:
            self._asking.discard(source.name)

    async def _answers(self, source: Source) -> tuple[Sequence[Answer], Problem | None]:
        if source.kind is RevocationSource.OCSP:
            return await self._ask_responder(source)
        if source.stored is not None:
            return await self._read_list(source, source.stored, url=None)
        data = await self.fetcher.get(source.place)
        return await self._read_list(source, data, url=source.place)

    async def _read_list(
        self, source: Source, data: bytes, *, url: str | None
    ) -> tuple[Sequence[Answer], Problem | None]:
        """Read a list for every issuer whose certificates name it; only one of them signed it."""
        by_issuer: dict[bytes, list[Subject]] = {}
        for subject in source.subjects:
            by_issuer.setdefault(subject.issuer.tbs_certificate_bytes, []).append(subject)
        if not by_issuer:
            return (), _problem(source, source.fault)
        answers, problems = [], []
        for subjects in by_issuer.values():
            try:
                answers.append(
                    await asyncio.to_thread(
                        read_crl,
                        data,
                        source=source.name,
                        url=url,
                        issuer=subjects[0].issuer,
                        subjects=[subject.certificate for subject in subjects],
                        now=self.clock(),
                    )
                )
            except TransportError as error:
                problems.append(error.problem)
        return answers, None if answers else problems[0]

    async def _ask_responder(self, source: Source) -> tuple[Sequence[Answer], Problem | None]:
        """Ask about each certificate, until the responder does not answer."""
        answers: list[Answer] = []
        problem: Problem | None = None
        loop = asyncio.get_running_loop()
        end = loop.time() + self.every.total_seconds()
        for subject in source.subjects:
            if loop.time() > end:
                return answers, _problem(
                    source, term("answer_incomplete", seconds=f"{self.every.total_seconds():g}")
                )
            nonce = self.nonce()
            asked = question(subject.certificate, subject.issuer, nonce=nonce)
            try:
                data = await self.fetcher.ask(source.place, asked)
            except TransportError as error:
                return answers, error.problem
            try:
                answers.append(
                    await asyncio.to_thread(
                        read_answer,
                        data,
                        source=source.name,
                        certificate=subject.certificate,
                        issuer=subject.issuer,
                        nonce=nonce,
                        now=self.clock(),
                    )
                )
            except TransportError as error:
                problem = problem or error.problem
        return answers, problem

    async def _take_up(
        self, source: Source, answers: Sequence[Answer], problem: Problem | None
    ) -> None:
        before = self._known
        record, events = after_round(
            before.of(source.name), answers, problem, now=self.clock(), grace=self.grace
        )
        self._known = before.with_record(record)
        revoked = {each.thumbprint for each in before.revocations}
        for each in record.revocations:
            if each.thumbprint not in revoked:
                self.observe(
                    CertificateRevoked(
                        thumbprint=each.thumbprint,
                        subject=self._names.get(each.thumbprint, ""),
                        at=each.at,
                        reason=each.reason,
                        evidence=each.evidence,
                    )
                )
        for event in events:
            self.observe(event)
        await self._save()

    async def _save(self) -> None:
        """Write the records to the disk, from which workers read them."""
        async with self._saving:
            known = self._known
            try:
                await asyncio.to_thread(self.store.save, known)
            except AxisError as error:
                self._unsaved = True
                self._note_folder(error.problem)
                return
            self._unsaved = False


def _skipped(item: str, error: Exception) -> ItemSkipped:
    return ItemSkipped(
        service=ServiceName.REVOCATIONS,
        item=item,
        problem=problem_of(error, stage=ServiceName.REVOCATIONS),
    )


def _problem(source: Source, cause: Coded) -> Problem:
    return AxisError.of("E_REVOCATION_SOURCE", source=source.name, cause=cause).problem
