"""
Does somebody still write to a file?  The kernel knows: it grants no read lease then.

Takes an open file; gives True, False, or None where the system does not tell (files of other
users without CAP_LEASE, network mounts).  The lease is given back at once.
"""

import errno
import fcntl
import signal

_UNTOLD = {errno.EACCES, errno.EPERM, errno.EINVAL, errno.ENOSYS, errno.EOPNOTSUPP, errno.ENOLCK}


def written(file: int) -> bool | None:
    """Say whether any process has this file (open for reading here) open for writing."""
    # A writer who comes while we hold the lease makes the kernel signal us: by SIGIO, which
    # kills, unless told otherwise.  SIGURG does nothing by default.
    fcntl.fcntl(file, fcntl.F_SETSIG, signal.SIGURG)
    try:
        fcntl.fcntl(file, fcntl.F_SETLEASE, fcntl.F_RDLCK)
    except OSError as error:
        if error.errno == errno.EAGAIN:
            return True
        if error.errno in _UNTOLD:
            return None
        raise
    fcntl.fcntl(file, fcntl.F_SETLEASE, fcntl.F_UNLCK)
    return False
