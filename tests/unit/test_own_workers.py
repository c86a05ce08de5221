"""The hub sees whether the workers that agencies run themselves are there."""

from dataclasses import dataclass, field

from structlog.testing import capture_logs

from bus.core.topology import queues_of
from bus.services.own_workers import OwnWorkers, QueueUse
from schemas.identifiers import MailboxName

G22, H24 = MailboxName("G22"), MailboxName("H24")


@dataclass
class Broker:
    """What it tells of two mailboxes."""

    uses: dict[str, QueueUse] = field(default_factory=dict)

    def has(self, mailbox: MailboxName, *, consumers: int, messages: int = 0) -> None:
        for queue in queues_of(mailbox):
            self.uses[queue] = QueueUse(consumers=consumers, messages=messages)

    async def told(self) -> dict[str, QueueUse]:
        return self.uses

    def watch(self) -> OwnWorkers:
        return OwnWorkers(uses=self.told, elsewhere=lambda: (G22, H24))


async def test_a_worker_that_goes_is_missed_and_its_return_is_told_each_once() -> None:
    broker = Broker()
    watch = broker.watch()
    seen = []

    with capture_logs() as logs:
        for consumers in (1, 1, 0, 0, 1, 1):
            broker.has(G22, consumers=consumers)
            seen.append(dict(await watch.look()))

    assert seen == [{}, *({G22: bool(up)} for up in (1, 0, 0, 1, 1))]
    assert [line["event"] for line in logs] == ["agency_worker_missed", "agency_worker_returned"]


async def test_a_mailbox_that_nobody_ever_used_is_nobodys_trouble() -> None:
    broker = Broker()
    broker.has(G22, consumers=0)
    broker.has(H24, consumers=0, messages=2)

    watch = broker.watch()
    with capture_logs() as logs:
        first, second = dict(await watch.look()), dict(await watch.look())

    assert (first, second) == ({}, {H24: False})
    assert [(line["event"], line["waits"]) for line in logs] == [("agency_worker_missed", 4)]


async def test_of_a_queue_that_the_broker_does_not_tell_of_nothing_is_said() -> None:
    assert await Broker().watch().look() == {}
