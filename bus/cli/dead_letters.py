"""`lienthong dead-letters`: the process that works on dead letters."""

import uvloop

from bus.bootstrap.dead_letters import run_dead_letters
from bus.cli.options import AnyHome
from bus.cli.service import Agencies, begin, mailboxes_meant
from bus.settings import load_settings


def dead_letters(home: AnyHome = None, agencies: Agencies = None) -> None:
    """Work on dead letters: record failures, retry what is due, carry out operators' orders.

    It also watches over revoked certificates, and counts where every delivery is.
    LIENTHONG_AMQP_URL names the broker, LIENTHONG_MANAGEMENT_URL its management. `lienthong up`
    starts this command by itself; `lienthong dlq` is what operators use.
    """
    settings = load_settings(home=home)
    begin(settings, process="dead-letters")
    uvloop.run(run_dead_letters(settings, only=mailboxes_meant(settings, agencies)))
