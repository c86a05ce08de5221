"""Topology: the one place where exchanges, queues, keys, policies and accounts are named.

How it comes to be on a broker is left to `bus.rabbit.provisioning`; what is missing, to `plan`.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from schemas.codes import EnvelopeKind, Lane
from schemas.identifiers import MailboxName, is_agency_code, shown
from schemas.problem import ConfigurationError

DOCUMENTS = "documents"
REDELIVERY = "redelivery"
FAILURES = "failures"
"""Exchange and queue of the same name."""
LEDGER = "ledger"

HANDLER_ACCOUNT = "dead-letter-handler"
"""The only account that may publish to `redelivery`, and whom mailboxes hear there."""

PROBE = "probe"
"""`type` of the message that proves a new queue; a driver never shows it to a handler."""

MAX_QUEUE_BYTES = 4 * 1024**3

_UNLIMITED_DELIVERIES = 1_000_000_000
# Without a policy 4.x drops a message after 20 deliveries; -1 (no limit) is not known to 3.10.

_MAILBOX_QUEUES = "mailbox."
_POLICIES = "lienthong."
_AGENCY_ACCOUNTS = "agency."


# --- names --------------------------------------------------------------------------------------


def word(mailbox: MailboxName) -> str:
    """A mailbox's code as one word of a routing key: dots become `-`."""
    return mailbox.replace(".", "-")


def queue_of(mailbox: MailboxName, lane: Lane) -> str:
    """The queue of one lane of a mailbox."""
    return f"{_MAILBOX_QUEUES}{word(mailbox)}.{lane}"


def queues_of(mailbox: MailboxName) -> tuple[str, ...]:
    """Both queues of a mailbox, the urgent first."""
    return tuple(queue_of(mailbox, lane) for lane in Lane)


def routing_key(sender: MailboxName, recipient: MailboxName, lane: Lane, kind: EnvelopeKind) -> str:
    """The key on `documents`, and again on `redelivery`."""
    return f"{word(sender)}.{word(recipient)}.{lane}.{kind}"


def rerouted(key: str, recipient: MailboxName) -> str:
    """The same key for another mailbox."""
    sender, _, *rest = key.split(".")
    return ".".join((sender, word(recipient), *rest))


def queue_words(queue: str) -> str:
    """What the keys of a mailbox's queue have in common: `<recipient>.<lane>`."""
    return queue.removeprefix(_MAILBOX_QUEUES)


def failure_key(recipient: MailboxName, failure_class: str) -> str:
    """The key on `failures`; the class is one word."""
    return f"{word(recipient)}.{failure_class}"


def mailboxes_by_word(mailboxes: Iterable[MailboxName]) -> dict[str, MailboxName]:
    """Which mailbox a word of a routing key or queue name stands for."""
    return {word(mailbox): mailbox for mailbox in mailboxes}


def account_of(mailbox: MailboxName) -> str:
    """The broker account a mailbox's worker logs in with, and its messages' `user_id`."""
    return f"{_AGENCY_ACCOUNTS}{word(mailbox)}"


def is_mailbox_queue(name: str) -> bool:
    """Whether a queue is a mailbox's, wanted or not."""
    return name.startswith(_MAILBOX_QUEUES)


def is_agency_account(name: str) -> bool:
    """Whether an account is made for a mailbox, wanted or not."""
    return name.startswith(_AGENCY_ACCOUNTS)


def is_our_policy(name: str) -> bool:
    """Whether a policy is one of those made here."""
    return name.startswith(_POLICIES)


# --- objects ------------------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True, slots=True)
class Exchange:
    """A durable exchange."""

    name: str
    kind: str = "topic"


@dataclass(frozen=True, kw_only=True, slots=True)
class Queue:
    """A durable queue. Its type is an argument for ever; everything tunable is policy."""

    name: str
    kind: str = "quorum"


@dataclass(frozen=True, kw_only=True, slots=True)
class Binding:
    """Which keys of an exchange a queue hears."""

    exchange: str
    queue: str
    pattern: str

    def hears(self, key: str) -> bool:
        """Topic matching: `*` is one word, `#` any number (AMQP 0-9-1, section 3.1.3.3)."""
        return _matches(self.pattern.split("."), key.split("."))


@dataclass(frozen=True, kw_only=True, slots=True)
class Policy:
    """The settings of every queue whose name matches. One queue obeys one policy only."""

    name: str
    pattern: str
    definition: Mapping[str, str | int] = field(hash=False)
    priority: int = 0

    def governs(self, queue: str) -> bool:
        """Whether the pattern finds this queue (unanchored, as on the broker)."""
        return re.search(self.pattern, queue) is not None


@dataclass(frozen=True, kw_only=True, slots=True)
class Permissions:
    """What an account may do: regular expressions (RabbitMQ manual, Access Control).

    Attributes:
        topics: Exchange → routing keys it may publish with.
    """

    configure: str
    write: str
    read: str
    topics: Mapping[str, str] = field(hash=False)
    max_connections: int = 10
    max_channels: int = 100


@dataclass(frozen=True, kw_only=True, slots=True)
class Account:
    """Somebody who may log in.

    Attributes:
        tags: What the broker lets it do beside (RabbitMQ manual, Access Control).
        current: Its password is the one that is kept for it; told by the broker's side only.
    """

    name: str
    permissions: Permissions
    tags: frozenset[str] = frozenset()
    current: bool = True

    def is_as(self, wanted: "Account") -> bool:
        """Whether it may do exactly what another may; narrowed further does no harm."""
        mine, theirs = self.permissions, wanted.permissions
        narrowed = {exchange: mine.topics.get(exchange) for exchange in theirs.topics}
        return replace(self, permissions=replace(mine, topics=narrowed)) == wanted  # type: ignore[arg-type]


@dataclass(frozen=True, kw_only=True, slots=True)
class Topology:
    """All the objects of one virtual host, wanted or found."""

    exchanges: tuple[Exchange, ...] = ()
    queues: tuple[Queue, ...] = ()
    bindings: tuple[Binding, ...] = ()
    policies: tuple[Policy, ...] = ()
    accounts: tuple[Account, ...] = ()

    def policy_of(self, queue: str) -> Policy | None:
        """The policy in force: the highest priority that matches (RabbitMQ manual, Policies)."""
        governing = [policy for policy in self.policies if policy.governs(queue)]
        return max(governing, key=lambda policy: policy.priority, default=None)

    def route(self, exchange: str, key: str) -> tuple[str, ...]:
        """The queues that hear a key, each once; empty when it is unroutable."""
        heard = (b.queue for b in self.bindings if b.exchange == exchange and b.hears(key))
        return tuple(dict.fromkeys(heard))


def desired(
    mailboxes: Iterable[MailboxName],
    *,
    ledger: bool,
    max_queue_bytes: int = MAX_QUEUE_BYTES,
) -> Topology:
    """What the broker must hold for these mailboxes.

    Args:
        ledger: Keep a copy of everything for the ledger. Only when one reads it: the queue
            would fill and then refuse all publishes.

    Raises:
        ConfigurationError: E_DIRECTORY_CODE, a code cannot be a word of a routing key;
            E_DIRECTORY_MAILBOX, two become the same one.
    """
    boxes = _distinct(mailboxes)
    lanes = [(box, lane) for box in boxes for lane in Lane]
    bindings = [
        Binding(exchange=exchange, queue=queue_of(box, lane), pattern=f"*.{word(box)}.{lane}.#")
        for box, lane in lanes
        for exchange in (DOCUMENTS, REDELIVERY)
    ]
    bindings.append(Binding(exchange=FAILURES, queue=FAILURES, pattern="#"))
    if ledger:
        # Once per mailbox, not `#`: the key of an unknown recipient must stay unroutable.
        bindings += [
            Binding(exchange=DOCUMENTS, queue=LEDGER, pattern=f"*.{word(box)}.#") for box in boxes
        ]
    names = [queue_of(box, lane) for box, lane in lanes]
    names += [FAILURES, LEDGER] if ledger else [FAILURES]
    return Topology(
        exchanges=tuple(Exchange(name=name) for name in (DOCUMENTS, REDELIVERY, FAILURES)),
        queues=tuple(Queue(name=name) for name in names),
        bindings=tuple(bindings),
        policies=_policies(ledger=ledger, max_queue_bytes=max_queue_bytes),
    )


def permissions_of(mailbox: MailboxName) -> Permissions:
    """An agency's account declares nothing, reads its own queues and speaks as itself only."""
    own = re.escape(word(mailbox))
    return Permissions(
        configure="^$",
        write=f"^({DOCUMENTS}|{FAILURES})$",
        read=f"^{re.escape(_MAILBOX_QUEUES)}{own}\\.({'|'.join(Lane)})$",
        topics={DOCUMENTS: f"^{own}\\.", FAILURES: f"^{own}\\."},
    )


def shared(mailboxes: Iterable[MailboxName]) -> Iterator[tuple[MailboxName, MailboxName]]:
    """Mailboxes that would have the queues, keys and accounts of an earlier one; both are named.

    Small and capital letters count the same: not every disk tells folders apart by them.
    """
    owner: dict[str, MailboxName] = {}
    for box in mailboxes:
        first = owner.setdefault(word(box).casefold(), box)
        if first != box:
            yield box, first


def _distinct(mailboxes: Iterable[MailboxName]) -> tuple[MailboxName, ...]:
    boxes = tuple(dict.fromkeys(mailboxes))
    for box in boxes:
        if not is_agency_code(box):
            raise ConfigurationError.of("E_DIRECTORY_CODE", code=shown(box))
    for box, other in shared(boxes):
        raise ConfigurationError.of("E_DIRECTORY_MAILBOX", code=box, other=other)
    return boxes


def _policies(*, ledger: bool, max_queue_bytes: int) -> tuple[Policy, ...]:
    """One merged policy per class of object, because only one is in force per queue.

    Nothing is dead-lettered by the broker (decision record 0042): consumers count.
    """
    unlimited: dict[str, str | int] = {"delivery-limit": _UNLIMITED_DELIVERIES}
    bounded = unlimited | {"max-length-bytes": max_queue_bytes, "overflow": "reject-publish"}
    classes = {
        "mailboxes": (f"^{re.escape(_MAILBOX_QUEUES)}", bounded),
        "failures": (f"^{FAILURES}$", bounded),
        # Never `reject-publish`: when one of several queues rejects, the publisher gets a nack for
        # all (RabbitMQ manual, Queue Length Limit), so a ledger that is away would stop the axis.
        # Its growth is an alarm.
        **({"ledger": (f"^{LEDGER}$", unlimited)} if ledger else {}),
    }
    return tuple(
        Policy(name=f"{_POLICIES}{name}", pattern=pattern, definition=definition)
        for name, (pattern, definition) in classes.items()
    )


def _matches(pattern: Sequence[str], key: Sequence[str]) -> bool:
    if not pattern:
        return not key
    head, rest = pattern[0], pattern[1:]
    if head == "#":
        return any(_matches(rest, key[i:]) for i in range(len(key) + 1))
    return bool(key) and head in ("*", key[0]) and _matches(rest, key[1:])
