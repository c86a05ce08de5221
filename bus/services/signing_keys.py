"""SigningKeys: with what each mailbox of a worker signs now, also when a token does not answer."""

import asyncio
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import timedelta

from bus.core.crash import problem_of
from bus.core.events import ServiceName, SigningKeyChanged
from bus.core.signing import SigningKey
from bus.ports import Observer
from schemas.identifiers import MailboxName
from schemas.problem import AxisError, Problem
from schemas.term import term

LOOK_AGAIN = timedelta(seconds=10)


@dataclass(kw_only=True)
class SigningKeys:
    """The keys of the mailboxes that were chosen for.

    Attributes:
        load: Finds the right key of a mailbox; blocking. Raises `ConfigurationError` E_KEYS.
        deadline: How long a token may take.
    """

    load: Callable[[MailboxName], SigningKey]
    deadline: timedelta
    observe: Observer
    _keys: dict[MailboxName, SigningKey | Problem] = field(default_factory=dict)
    _loading: dict[MailboxName, asyncio.Future[SigningKey]] = field(default_factory=dict)

    def of(self, mailbox: MailboxName) -> SigningKey:
        """The key of a mailbox that was chosen for.

        Raises:
            TransportError: E_SIGNING_KEY_AWAY: there is none that can be used; it is looked for.
        """
        chosen = self._keys[mailbox]
        if isinstance(chosen, Problem):
            cause = chosen.because
            raise AxisError.of("E_SIGNING_KEY_AWAY", agency=mailbox, cause=cause)
        return chosen

    async def choose(self, mailboxes: Iterable[MailboxName]) -> None:
        """Let mailboxes sign with what is the right key now.

        One that has none receives all the same; what it would sign waits.
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
        """Look again for the keys that could not be used, for ever: a token may be back."""
        while True:
            await asyncio.sleep(LOOK_AGAIN.total_seconds())
            await self.choose([m for m, key in self._keys.items() if isinstance(key, Problem)])

    async def _loaded(self, mailbox: MailboxName) -> SigningKey:
        """Raises `ConfigurationError` E_KEYS, also when a token does not answer in time."""
        loading = self._loading.get(mailbox)
        if loading is None or loading.done():
            # Of those that hang there is never more than one for each mailbox.
            loading = asyncio.ensure_future(asyncio.to_thread(self.load, mailbox))
            self._loading[mailbox] = loading
            # What it fails with after it was given up is of no interest.
            loading.add_done_callback(lambda done: done.cancelled() or done.exception())
        try:
            async with asyncio.timeout(self.deadline.total_seconds()):
                return await asyncio.shield(loading)
        except TimeoutError as late:
            cause = term("token_silent")
            raise AxisError.of("E_KEYS", agency=mailbox, cause=cause) from late


def _thumbprint(key: SigningKey | Problem) -> str | None:
    return None if isinstance(key, Problem) else key.thumbprint
