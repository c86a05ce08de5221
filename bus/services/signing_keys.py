"""The key with which each mailbox of a worker signs now, in memory or in a token."""

import asyncio
from collections.abc import Callable, Iterable
from concurrent.futures import Executor
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial

from bus.core.crash import problem_of
from bus.core.events import ServiceName
from bus.core.key_events import SigningKeyChanged
from bus.core.signing import SigningKey, sign
from bus.ports import Observer
from schemas.identifiers import MailboxName
from schemas.problem import AxisError, Problem
from schemas.term import term

LOOK_AGAIN = timedelta(seconds=10)


@dataclass(frozen=True, kw_only=True, slots=True)
class KeySigner:
    """The `Signer` of a mailbox.

    Attributes:
        key: Returns the current key. Raises `TransportError` E_SIGNING_KEY_AWAY if there is none.
        deadline: How long a token may take.
        threads: Where calls to a token wait; None: the threads of the event loop. A token that
            hangs blocks one thread.
    """

    mailbox: MailboxName
    key: Callable[[], SigningKey]
    deadline: timedelta
    threads: Executor | None = None

    async def sign(self, body: bytes, *, now: datetime) -> str:
        """As `Signer` says."""
        key = self.key()
        if not key.is_in_token:
            return sign(body, key=key, now=now)
        signing = partial(sign, body, key=key, now=now)
        try:
            async with asyncio.timeout(self.deadline.total_seconds()):
                return await asyncio.get_running_loop().run_in_executor(self.threads, signing)
        except TimeoutError as late:
            raise AxisError.of(
                "E_SIGNING_KEY_AWAY", agency=self.mailbox, cause=term("token_silent")
            ) from late


@dataclass(kw_only=True)
class SigningKeys:
    """The signing key of each mailbox for which `choose` was called.

    Attributes:
        load: Finds the current key of a mailbox; blocking. Raises `ConfigurationError` E_KEYS.
        deadline: As in `KeySigner`; likewise `threads`.
    """

    load: Callable[[MailboxName], SigningKey]
    deadline: timedelta
    observe: Observer
    threads: Executor | None = None
    _keys: dict[MailboxName, SigningKey | Problem] = field(default_factory=dict)
    _loading: dict[MailboxName, asyncio.Future[SigningKey]] = field(default_factory=dict)

    def of(self, mailbox: MailboxName) -> SigningKey:
        """The current key. Raises `TransportError` E_SIGNING_KEY_AWAY if there is none."""
        chosen = self._keys[mailbox]
        if isinstance(chosen, Problem):
            cause = chosen.because
            raise AxisError.of("E_SIGNING_KEY_AWAY", agency=mailbox, cause=cause)
        return chosen

    def signer(self, mailbox: MailboxName) -> KeySigner:
        """The signer of a mailbox, which uses the key that is current at each signature."""
        return KeySigner(
            mailbox=mailbox,
            key=lambda: self.of(mailbox),
            deadline=self.deadline,
            threads=self.threads,
        )

    async def choose(self, mailboxes: Iterable[MailboxName]) -> None:
        """Find the current key of each mailbox, and sign with it from now on.

        A mailbox without a usable key continues to receive; what it must sign waits.
        """
        for mailbox in mailboxes:
            before = self._keys.get(mailbox)
            try:
                chosen = await self._loaded(mailbox)
            except Exception as error:  # noqa: BLE001 (one agency's key must not stop the others)
                problem = self._keys[mailbox] = problem_of(error, stage=ServiceName.KEYS)
                if problem != before:
                    self.observe(
                        SigningKeyChanged(mailbox=mailbox, thumbprint=None, problem=problem)
                    )
                continue
            self._keys[mailbox] = chosen
            same = isinstance(before, SigningKey) and before.thumbprint == chosen.thumbprint
            if before is not None and not same:
                self.observe(SigningKeyChanged(mailbox=mailbox, thumbprint=chosen.thumbprint))

    async def mend(self) -> None:
        """Look for ever for the keys that could not be used, because a token may come back."""
        while True:
            await asyncio.sleep(LOOK_AGAIN.total_seconds())
            await self.choose([m for m, key in self._keys.items() if isinstance(key, Problem)])

    async def _loaded(self, mailbox: MailboxName) -> SigningKey:
        """Raises `ConfigurationError` E_KEYS, also when a token does not answer in time."""
        loading = self._loading.get(mailbox)
        if loading is None or loading.done():
            # A load that hangs blocks one thread for its mailbox, never more.
            loading = asyncio.ensure_future(asyncio.to_thread(self.load, mailbox))
            self._loading[mailbox] = loading
            # Nobody reads the error of a load that fails after its deadline.
            loading.add_done_callback(lambda done: done.cancelled() or done.exception())
        try:
            async with asyncio.timeout(self.deadline.total_seconds()):
                return await asyncio.shield(loading)
        except TimeoutError as late:
            cause = term("token_silent")
            raise AxisError.of("E_KEYS", agency=mailbox, cause=cause) from late
