"""SigningKeys: the key with which each mailbox of a worker signs now, in memory or in a token."""

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
    """A `Signer` of one mailbox: signs with a key in memory at once, and waits for a token.

    Attributes:
        key: The key now. Raises `TransportError` E_SIGNING_KEY_AWAY while there is none.
        deadline: How long a token may take.
        threads: Where a token is waited for; None: the threads of the event loop. A token that
            hangs costs one thread, and nothing else.
    """

    mailbox: MailboxName
    key: Callable[[], SigningKey]
    deadline: timedelta
    threads: Executor | None = None

    async def sign(self, body: bytes, *, now: datetime) -> str:
        """As promised by `Signer`."""
        key = self.key()
        if not key.is_elsewhere:
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
    """The signing key of each mailbox that `choose` was called for.

    Attributes:
        load: Finds the key of a mailbox that is right now; blocking. Raises `ConfigurationError`
            E_KEYS.
        deadline: How long a token may take.
        threads: Where tokens are asked for signatures; None: the threads of the event loop.
    """

    load: Callable[[MailboxName], SigningKey]
    deadline: timedelta
    observe: Observer
    threads: Executor | None = None
    _keys: dict[MailboxName, SigningKey | Problem] = field(default_factory=dict)
    _loading: dict[MailboxName, asyncio.Future[SigningKey]] = field(default_factory=dict)

    def of(self, mailbox: MailboxName) -> SigningKey:
        """The key of a mailbox.

        Raises:
            TransportError: E_SIGNING_KEY_AWAY: no key of it can be used now; `mend` looks for one.
        """
        chosen = self._keys[mailbox]
        if isinstance(chosen, Problem):
            cause = chosen.because
            raise AxisError.of("E_SIGNING_KEY_AWAY", agency=mailbox, cause=cause)
        return chosen

    def signer(self, mailbox: MailboxName) -> KeySigner:
        """What signs for a mailbox, always with the key that is right then."""
        return KeySigner(
            mailbox=mailbox,
            key=lambda: self.of(mailbox),
            deadline=self.deadline,
            threads=self.threads,
        )

    async def choose(self, mailboxes: Iterable[MailboxName]) -> None:
        """Find the right key of each mailbox anew, and sign with it from now on.

        A mailbox without a usable key goes on receiving; what it has to sign waits.
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
            if before is not None and _thumbprint(before) != chosen.thumbprint:
                self.observe(SigningKeyChanged(mailbox=mailbox, thumbprint=chosen.thumbprint))

    async def mend(self) -> None:
        """Look again, for ever, for the keys that could not be used: a token may be back."""
        while True:
            await asyncio.sleep(LOOK_AGAIN.total_seconds())
            await self.choose([m for m, key in self._keys.items() if isinstance(key, Problem)])

    async def _loaded(self, mailbox: MailboxName) -> SigningKey:
        """Raises `ConfigurationError` E_KEYS, also when a token does not answer in time."""
        loading = self._loading.get(mailbox)
        if loading is None or loading.done():
            # A load that hangs holds one thread for its mailbox, never more.
            loading = asyncio.ensure_future(asyncio.to_thread(self.load, mailbox))
            self._loading[mailbox] = loading
            # Nobody waits any more for a load that fails after its deadline.
            loading.add_done_callback(lambda done: done.cancelled() or done.exception())
        try:
            async with asyncio.timeout(self.deadline.total_seconds()):
                return await asyncio.shield(loading)
        except TimeoutError as late:
            cause = term("token_silent")
            raise AxisError.of("E_KEYS", agency=mailbox, cause=cause) from late


def _thumbprint(key: SigningKey | Problem) -> str | None:
    return None if isinstance(key, Problem) else key.thumbprint
