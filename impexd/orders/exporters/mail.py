"""
A mail for each task, to whoever the order, the delivery or the tables say.

It is composed once, with a Message-ID made of the task's key, and the same bytes go out however
often.  Mail servers do not honour keys, so by default an unknown outcome waits for a person.
"""

import importlib
import ssl
from collections.abc import Iterator, Sequence
from email.errors import HeaderParseError, MessageError
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime
from typing import Annotated, Any, Literal

import anyio.to_thread
from pydantic import Field, StringConstraints

from impexd.core import secret
from impexd.core.errors import DataError
from impexd.core.text import shown
from impexd.model.base import Model
from impexd.model.exporter import OnUnknown
from impexd.model.faults import Fault
from impexd.model.outbound import Outbound
from impexd.model.problem import Code
from impexd.model.secret import Secret
from impexd.model.telling import Done, Frozen, Means, NotTaken, Outcome, Refused, Telling, Unknown
from impexd.orders.exporters import body, naming, template
from impexd.orders.exporters.body import Body
from impexd.orders.exporters.named import Silent

Line = Annotated[str, StringConstraints(min_length=1, max_length=1000)]


class Attachment(Model):
    """One file of a mail: `[[mail.attachment]]`."""

    name: Line = "{flag}-{order}.{suffix}"
    body: Body = Body()


class Settings(Model):
    """`[mail]`."""

    host: Line
    port: int = Field(default=587, ge=1, le=65_535)
    tls: Literal["starttls", "tls", "none"] = "starttls"
    user: str | None = None
    password: Secret | None = None
    timeout: float = Field(default=30, ge=1, le=600)
    """Seconds for each answer of the server."""
    sender: Line
    """An address, or `Name <address>`."""
    to: tuple[Line, ...] = Field(min_length=1)
    """Addresses, or templates of them: `{{ warehouse.email }}`; several with commas."""
    cc: tuple[Line, ...] = ()
    bcc: tuple[Line, ...] = ()
    reply_to: Line | None = None
    subject: Line
    """A template."""
    text: str
    """A template."""
    html: str | None = None
    """A template; what it prints is escaped."""
    attachment: tuple[Attachment, ...] = ()


class Mail(Silent):
    """Sends mails."""

    settings = Settings
    on_unknown = OnUnknown.HOLD

    def faults(self, settings: Settings, _outbound: Outbound, /) -> Iterator[Fault]:
        """Look at the templates, the sender, the way to log in."""
        for name in ("subject", "text", "html"):
            text = getattr(settings, name)
            if text is not None and (reason := template.fault(text)):
                yield Fault((name,), reason)
        for name in ("to", "cc", "bcc"):
            for position, text in enumerate(getattr(settings, name)):
                if reason := template.fault(text):
                    yield Fault((name, position), reason)
        try:
            _addresses(settings.sender)
        except ValueError as error:
            yield Fault(("sender",), str(error))
        if (settings.user is None) != (settings.password is None):
            yield Fault(("user",), "user and password go together")
        if settings.user is not None and settings.tls == "none":
            yield Fault(("tls",), "a password is never sent without encryption")
        for position, one in enumerate(settings.attachment):
            if reason := naming.fault(one.name.replace("{suffix}", "")):
                yield Fault(("attachment", position, "name"), reason)
            for fault in body.faults(one.body):
                yield Fault(("attachment", position, "body", *fault.path), fault.what)

    def freeze(self, settings: Settings, telling: Telling, _means: Means, /) -> Frozen:
        """Compose it, recipients and all."""
        try:
            everybody: list[str] = []
            mail = EmailMessage(policy=SMTP)
            sender = _addresses(settings.sender)
            mail["From"] = sender
            for name in ("to", "cc", "bcc"):
                found = [a for text in getattr(settings, name) for a in _filled(text, telling)]
                everybody += [one.addr_spec for one in found]
                if found and name != "bcc":
                    mail[name.title()] = found
            _rest(mail, settings, telling, sender[0].domain)
        except (ValueError, MessageError, HeaderParseError) as error:
            told = f"the mail cannot be composed: {shown(str(error))}"
            raise DataError(Code.BAD_TEMPLATE, told, hint="correct it, then release it") from error
        recipients = list(dict.fromkeys(everybody))
        if not recipients:
            hint = "say an address where the template takes it from, then release it"
            raise DataError(Code.BAD_TEMPLATE, "nobody to send it to", hint=hint)
        fixed = {
            "sender": sender[0].addr_spec,
            "recipients": recipients,
            "subject": mail["Subject"],
        }
        return Frozen(mail.as_bytes(), "message/rfc822", fixed)

    async def send(self, settings: Settings, frozen: Frozen, _key: str, means: Means, /) -> Outcome:
        """Hand it to the mail server."""
        password = ""
        if settings.password is not None:
            kept = settings.password
            password, wrong = secret.fetched(
                means.etc, file=kept.file, credential=kept.credential, env=kept.env
            )
            if wrong:
                return NotTaken(wrong, partner=True)
        try:
            trust = _trust(means) if settings.tls != "none" else None
        except OSError as error:
            told = f"`{means.outbound.ca_file}` cannot be used: {error.strerror or error}"
            return NotTaken(told, partner=True)
        smtp = await anyio.to_thread.run_sync(importlib.import_module, "aiosmtplib")
        client = smtp.SMTP(
            hostname=settings.host,
            port=settings.port,
            timeout=settings.timeout,
            use_tls=settings.tls == "tls",
            start_tls=settings.tls == "starttls",
            tls_context=trust,
        )
        return await _handed(smtp, client, settings, password, frozen)


async def _handed(
    smtp: Any, client: Any, settings: Settings, password: str, frozen: Frozen
) -> Outcome:
    try:
        await client.connect()
        if settings.user is not None:
            await client.login(settings.user, password)
    except (smtp.SMTPException, OSError, TimeoutError, ValueError) as error:
        client.close()
        return NotTaken(f"{settings.host}: {_told(error)}", partner=True)
    fixed = frozen.fixed
    try:
        refused, said = await client.sendmail(fixed["sender"], fixed["recipients"], frozen.body)
    except smtp.SMTPRecipientsRefused as error:
        codes = [one.code for one in error.recipients]
        return _answered(max(codes, default=550), f"{settings.host}: every recipient was refused")
    except smtp.SMTPSenderRefused as error:
        return _answered(error.code, f"{settings.host}: {_told(error)}")
    except smtp.SMTPResponseException as error:
        return _answered(error.code, f"{settings.host}: {_told(error)}")
    except (smtp.SMTPException, OSError, TimeoutError) as error:
        return Unknown(f"{settings.host}: {_told(error)}")
    finally:
        client.close()
    if refused:
        names = ", ".join(sorted(refused))
        return Done(shown(f"{said} (refused: {names})"))
    return Done(shown(str(said)))


def _answered(code: int, told: str) -> Outcome:
    """Pure: what a mail server's code means: 4xx later, 5xx never."""
    return NotTaken(told) if 400 <= code < 500 else Refused(told)


def _rest(mail: EmailMessage, settings: Settings, telling: Telling, domain: str) -> None:
    if settings.reply_to is not None:
        mail["Reply-To"] = _addresses(settings.reply_to)
    mail["Subject"] = " ".join(template.filled(settings.subject, telling).split())
    mail["Date"] = format_datetime(telling.now)
    mail["Message-ID"] = f"<{telling.key}@{domain}>"
    mail["Auto-Submitted"] = "auto-generated"
    mail.set_content(template.filled(settings.text, telling))
    if settings.html is not None:
        mail.add_alternative(template.filled(settings.html, telling, xml=True), subtype="html")
    for one in settings.attachment:
        kind, _, rest = one.body.media.partition("/")
        name = naming.file(one.name.replace("{suffix}", one.body.suffix), telling)
        subtype = rest.partition(";")[0]
        data = body.made(one.body, telling)
        mail.add_attachment(data, maintype=kind, subtype=subtype, filename=name)


def _filled(text: str, telling: Telling) -> Sequence[Address]:
    said = template.filled(text, telling).strip()
    return _addresses(said) if said and said != "None" else ()


def _addresses(text: str) -> Sequence[Address]:
    """Pure: read addresses; ValueError if one is none."""
    if not text.isprintable():
        raise ValueError(f"{shown(text)} is no address")
    mail = EmailMessage(policy=SMTP)
    mail["To"] = text
    found = mail["To"].addresses
    if not found or mail["To"].defects or not all(one.domain for one in found):
        raise ValueError(f"{shown(text)} is no address")
    return tuple(found)


def _trust(means: Means) -> ssl.SSLContext:
    made = ssl.create_default_context()
    if means.outbound.ca_file is not None:
        made.load_verify_locations(means.etc / means.outbound.ca_file)
    return made


def _told(error: Exception) -> str:
    return shown(str(error) or type(error).__name__)
