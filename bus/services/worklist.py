"""Worklist: by which every client selects dead letters, previews an order and places it.

The command line is one client; others come later. The limits on orders belong to the store, which
checks them in the transaction that takes the letters.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from bus.core.dead_letters.letter import LetterState, OrderId, unproven
from bus.core.dead_letters.order import (
    ACTED_UPON,
    Action,
    NewOrder,
    Order,
    OrderState,
    must_serve,
)
from bus.core.dead_letters.preview import Preview, Share, added_up, is_worth_telling
from bus.core.dead_letters.selection import Selection, Sort
from bus.core.routing import Routing
from bus.ports import Clock, DeadLetters
from schemas.identifiers import MailboxName
from schemas.problem import AxisError
from schemas.vietnam import day_in_vietnam

_PAGE = 500
_FINGERPRINT_DIGITS = 16


@dataclass(frozen=True, kw_only=True, slots=True)
class Worklist:
    """The dead letters of one axis, for its operators.

    Attributes:
        routing: The directory as it is now.
    """

    letters: DeadLetters
    routing: Callable[[], Routing]
    clock: Clock

    async def select(
        self,
        filters: Selection,
        *,
        named: Sequence[str] = (),
        group: str | None = None,
        agency: str | None = None,
        sender: str | None = None,
    ) -> Selection:
        """The filters, with what an operator has named.

        Args:
            named: Dead letters; the first digits of their ids are enough.
            group: A fingerprint; its first digits are enough.
            agency: Any code of the agency whose dead letters are meant.
            sender: Any code of the agency that has sent them.

        Raises:
            ConfigurationError: E_LETTER_UNKNOWN, E_LETTER_AMBIGUOUS, E_GROUP_UNKNOWN,
                E_GROUP_AMBIGUOUS, E_NO_OWN_MAILBOX.
        """
        found = {
            "ids": tuple([(await self.letters.letter(each)).id for each in named]),
            "fingerprint": await self._fingerprint(group) if group else None,
            "mailbox": self._mailbox(agency) if agency else None,
            "sender": self._mailbox(sender) if sender else None,
        }
        return filters.model_copy(update={name: each for name, each in found.items() if each})

    async def preview(self, action: Action, selection: Selection, *, limit: int | None) -> Preview:
        """Count what an order would take, and change nothing.

        The states of the selection are those that were asked for; none means all.
        """
        asked = selection.states or tuple(LetterState)
        acted = tuple(state for state in asked if state in ACTED_UPON[action])
        narrowed = selection.model_copy(update={"states": acted})
        found = await self.letters.count(narrowed) if acted else 0
        taken = found if limit is None else min(found, limit)
        shares: tuple[Share, ...] = ()
        if taken < found:
            shares = await self._oldest(narrowed, taken)
        elif found:
            causes = await self.letters.groups(narrowed, now=self.clock())
            shares = added_up(map(Share.of_cause, causes))
        left = {
            state: await self.letters.count(selection.model_copy(update={"states": (state,)}))
            for state in asked
            if state not in acted and is_worth_telling(state, action, selection)
        }
        limits = self.letters.limits
        return Preview(
            action=action,
            selection=narrowed,
            found=found,
            taken=taken,
            shares=shares,
            left={state: count for state, count in left.items() if count},
            busy=tuple(await self.letters.orders((OrderState.PENDING, OrderState.RUNNING))),
            needs_yes=limits.confirmation_needed(taken),
            needs_approval=limits.approval_needed(taken),
        )

    async def place(self, order: NewOrder, *, order_id: OrderId) -> Order:
        """Place an order.

        Raises:
            ConfigurationError: E_NEEDS_YES, or as `check`; nothing was placed.
        """
        await self.check(order)
        return await self.letters.place(order, order_id=order_id, now=self.clock())

    async def check(self, order: NewOrder) -> None:
        """Check an order before it is placed, but for the limits.

        Raises:
            ConfigurationError: E_SELECTION_EMPTY; E_REROUTE: the other mailbox does not serve a
                recipient of every letter that is named.
        """
        if order.selection.is_empty and not order.everything:
            raise AxisError.of("E_SELECTION_EMPTY")
        if order.to is None:
            return
        routing, on = self.routing(), day_in_vietnam(self.clock())
        for each in order.selection.ids:
            envelope = unproven((await self.letters.message(each)).body)
            must_serve(envelope, letter=each, to=order.to, routing=routing, on=on)

    def _mailbox(self, code: str) -> MailboxName:
        """The mailbox that a code means.

        A code that the directory does not contain is taken as it is: letters outlive agencies. The
        mailbox of a superior is not taken: it would mean more letters than were asked for.
        """
        routing, on = self.routing(), day_in_vietnam(self.clock())
        try:
            # A mailbox of an agency that has ended may still hold letters of its own.
            agency = routing.named(code, on).code
        except AxisError:
            return MailboxName(code)
        serving = routing.mailbox_or_none(agency, on)
        if serving is not None and str(serving) != str(agency):
            raise AxisError.of("E_NO_OWN_MAILBOX", code=code, mailbox=serving)
        return MailboxName(agency)

    async def _fingerprint(self, prefix: str) -> str:
        if len(prefix) == _FINGERPRINT_DIGITS:
            return prefix
        causes = await self.letters.groups(Selection(), now=self.clock())
        found = {each.fingerprint for each in causes if each.fingerprint.startswith(prefix)}
        if len(found) != 1:
            raise AxisError.of("E_GROUP_AMBIGUOUS" if found else "E_GROUP_UNKNOWN", id=prefix)
        return found.pop()

    async def _oldest(self, selection: Selection, count: int) -> tuple[Share, ...]:
        """The shares of the letters that a limited order would take; it passes over held ones."""
        shares: tuple[Share, ...] = ()
        offset, missing = 0, count
        while missing:
            page = await self.letters.find(selection, sort=Sort.OLDEST, limit=_PAGE, offset=offset)
            if not page:
                break
            free = [letter for letter in page if letter.order is None][:missing]
            shares = added_up([*shares, *map(Share.of_letter, free)])
            offset, missing = offset + len(page), missing - len(free)
        return shares
