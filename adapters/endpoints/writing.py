"""Writing: whether some process still has a file open for writing."""

import errno
import fcntl
import os
import signal
from pathlib import Path
from typing import BinaryIO

_CANNOT_TELL = frozenset({errno.EACCES, errno.EPERM, errno.EINVAL, errno.ENOLCK, errno.ENOSYS})


def is_being_written(path: Path) -> bool | None:
    """Ask the kernel; None where it cannot tell (another system, owner or file system).

    Linux grants a read lease only while nobody has the file open for writing (fcntl(2),
    "Leases"). It is given back at once; should a writer come in between, the kernel makes that
    writer wait, and the signal it sends us is one that is ignored by default.
    """
    with open_plain(path) as file:
        try:
            fcntl.fcntl(file, fcntl.F_SETSIG, signal.SIGURG)
            fcntl.fcntl(file, fcntl.F_SETLEASE, fcntl.F_RDLCK)
            fcntl.fcntl(file, fcntl.F_SETLEASE, fcntl.F_UNLCK)
        except BlockingIOError:
            return True
        except (AttributeError, OSError) as error:
            if isinstance(error, OSError) and error.errno not in _CANNOT_TELL:
                raise
            return None
        return False


def open_plain(path: Path) -> BinaryIO:
    """Open a file for reading; never a link's target, and never waiting as a pipe would."""
    handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    return os.fdopen(handle, "rb")
