"""What is wrong with who is told: nobody to be told, no relay for mail, groups that are not there."""

import ipaddress
from collections.abc import Collection, Iterator

from impexd.core import outbound
from impexd.core.outbound import Allowed
from impexd.model.faults import Fault, near, place, quoted
from impexd.model.faults import schedule as schedule_faults
from impexd.model.notify import Expect, Notify, Recipient

ANYWHERE = frozenset({"*"})
PORTS = (range(1, 65536),)
EVERYWHERE = (ipaddress.ip_network("0.0.0.0/0"), ipaddress.ip_network("::/0"))


def faults(notify: Notify, groups: Collection[str]) -> Iterator[Fault]:
    """Pure: all that is wrong with `[notify]`; `groups` are all there are."""
    for name, recipient in notify.to.items():
        at = ("notify", "to", name)
        if not (recipient.mail or recipient.webhook or recipient.webhook_file):
            yield Fault(at, "says neither mail nor webhook, so nobody would be told")
        if recipient.mail and notify.relay is None:
            yield Fault((*at, "mail"), "there is no [notify.relay] that would take the mail")
        if recipient.webhook and recipient.webhook_file:
            yield Fault((*at, "webhook_file"), "only one of webhook, webhook_file can be said")
        if recipient.webhook and (reason := url(recipient.webhook, recipient)):
            yield Fault((*at, "webhook"), reason)
        for position, group in enumerate(recipient.groups):
            if group not in groups:
                told = f"there is no group {quoted(group)}" + near(group, groups)
                yield Fault((*at, "groups", position), told)
    yield from _relay(notify)


def _relay(notify: Notify) -> Iterator[Fault]:
    relay = notify.relay
    if relay is None:
        return
    if relay.password_file and relay.credential:
        what = "only one of password_file, credential can be said"
        yield Fault(("notify", "relay", "credential"), what)
    secret = bool(relay.password_file or relay.credential)
    if secret != bool(relay.user):
        yield Fault(("notify", "relay"), "a user and its password are said together, or not at all")
    if (
        relay.user
        and relay.security == "none"
        and relay.host not in ("localhost", "127.0.0.1", "::1")
    ):
        what = 'a password would cross the network in the clear; say security = "starttls" or "tls"'
        yield Fault(("notify", "relay", "user"), what)
    for key in ("password_file", "ca"):
        path = getattr(relay, key)
        if path is not None and (reason := place.written(path, up=True)):
            yield Fault(("notify", "relay", key), reason)


def url(text: str, recipient: Recipient) -> str:
    """Pure: say what is wrong with the URL of a webhook; "" if nothing is."""
    found = outbound.target(text, allowed(recipient))
    return found if isinstance(found, str) else ""


def allowed(recipient: Recipient) -> Allowed:
    """Pure: whom a notice may go to: where the operator says, but into a private network only if told."""
    if not recipient.private:
        return Allowed(ANYWHERE, ports=PORTS)
    return Allowed(ANYWHERE, http=ANYWHERE, private=EVERYWHERE, ports=PORTS)


def expect(expected: Expect) -> Iterator[Fault]:
    """Pure: all that is wrong with `[expect]`."""
    for fault in schedule_faults.faults(expected.cron, None, expected.zone, below=("expect",)):
        at = ("expect", "days") if fault.path[-1] == "schedule" else fault.path
        yield Fault(at, fault.what)
