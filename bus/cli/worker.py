"""`lienthong worker`: a process that runs agencies' adapters."""

import uvloop

from bus.bootstrap.worker import run_worker
from bus.cli.options import AnyHome
from bus.cli.service import Agencies, begin, mailboxes_meant
from bus.settings import load_settings


def worker(home: AnyHome = None, agencies: Agencies = None) -> None:
    """Run the adapters of the agencies, as one of any number of workers.

    Workers of one database share the mailboxes among them: one that joins takes its share, and when
    one dies the others take over within ten seconds. LIENTHONG_AMQP_URL names the broker, on which
    `lienthong topology apply` has made the mailboxes. `lienthong up` starts this command by itself.

    A worker finishes what is under way on SIGTERM and on Ctrl-C.
    """
    settings = load_settings(home=home)
    begin(settings, process="worker")
    uvloop.run(run_worker(settings, only=mailboxes_meant(settings, agencies)))
