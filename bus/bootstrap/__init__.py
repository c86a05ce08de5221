"""Bootstrap: the only place that builds the object graph, reads the clock and makes randomness.

`axis` is the one parent, `worker` what each of its processes runs, `letters` the dead-letter
handler, `broker` the broker of all, `directory` who is on it, and `process` what every process is
given.
"""

from bus.bootstrap.axis import Axis, open_axis
from bus.bootstrap.broker import (
    apply_accounts,
    located_broker,
    managed,
    provisioning,
    reached_broker,
    renew_password,
    topology_of,
    tried,
    url_of,
)
from bus.bootstrap.connect import open_connection
from bus.bootstrap.credentials import lay_out
from bus.bootstrap.dead_letters import reached_letters
from bus.bootstrap.directory import change_directory, directory_of, restore_directory
from bus.bootstrap.process import fresh_ids, fresh_order_id, now, settle_process
from bus.bootstrap.worker import run_worker

__all__ = [
    "Axis",
    "apply_accounts",
    "change_directory",
    "directory_of",
    "fresh_ids",
    "fresh_order_id",
    "lay_out",
    "located_broker",
    "managed",
    "now",
    "open_axis",
    "open_connection",
    "provisioning",
    "reached_broker",
    "reached_letters",
    "renew_password",
    "restore_directory",
    "run_worker",
    "settle_process",
    "topology_of",
    "tried",
    "url_of",
]
