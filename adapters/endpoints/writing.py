"""Writing: whether some process still has a file open for writing."""

import errno
import fcntl
import os
import signal
from pathlib import Path

_F_SETSIG = 10  # <linux/fcntl.h>; Python's fcntl does not name it
_CANNOT_TELL = frozenset({errno.EACCES, errno.EPERM, errno.EINVAL, errno.ENOLCK, errno.ENOSYS})


def is_being_written(path: Path) -> bool | None:
    """Ask the kernel; None where it cannot tell (another system, owner or file system).

    Linux grants a read lease only while nobody has the file open for writing (fcntl(2),
    "Leases"). It is given back at once; should a writer come in between, the kernel makes that
    writer wait, and the signal it sends us is one that is ignored by default.
    """
    handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    try:
        fcntl.fcntl(handle, _F_SETSIG, signal.SIGURG)
        fcntl.fcntl(handle, fcntl.F_SETLEASE, fcntl.F_RDLCK)
        fcntl.fcntl(handle, fcntl.F_SETLEASE, fcntl.F_UNLCK)
    except BlockingIOError:
        return True
    except (AttributeError, OSError) as error:
        if isinstance(error, OSError) and error.errno not in _CANNOT_TELL:
            raise
        return None
    else:
        return False
    finally:
        os.close(handle)
