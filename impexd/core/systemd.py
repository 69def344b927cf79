"""
What systemd wants to be told: sd_notify(3), without a library.

Takes nothing where `NOTIFY_SOCKET` is not set: then telling does nothing.
"""

import os
import socket
import time


def notify(*lines: str) -> bool:
    """Send assignments such as `READY=1`; False if nobody listens.  Never raises."""
    address = os.environ.get("NOTIFY_SOCKET", "")
    if not address.startswith(("/", "@")):
        return False
    target = "\0" + address[1:] if address.startswith("@") else address
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as out:
            out.settimeout(1.0)
            out.sendto("\n".join(lines).encode(), target)
    except OSError:
        return False
    return True


def ready(status: str) -> None:
    """Say that start or reload has ended well."""
    notify("READY=1", f"STATUS={status}")


def reloading() -> None:
    """Say that a reload begins; the time stamp is what `Type=notify-reload` needs."""
    notify("RELOADING=1", f"MONOTONIC_USEC={time.monotonic_ns() // 1000}")


def stopping() -> None:
    """Say that we are on our way out."""
    notify("STOPPING=1", "STATUS=stopping")


def status(text: str) -> None:
    """Set the line that `systemctl status` shows."""
    notify(f"STATUS={text}")


def watchdog() -> float | None:
    """Give the seconds within which `WATCHDOG=1` is wanted, None if it is not."""
    wanted = os.environ.get("WATCHDOG_USEC", "")
    mine = os.environ.get("WATCHDOG_PID", str(os.getpid())) == str(os.getpid())
    return int(wanted) / 1e6 if wanted.isdigit() and mine else None
