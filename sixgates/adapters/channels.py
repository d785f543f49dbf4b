"""The ways to reach a person: a file, a webhook, and whatever Apprise can reach.

An address may hold a secret anywhere, in its path as much as in its password. So nothing here ever
shows one: a channel is known by its label, and why it failed is said in words of our own.
"""

import json
import logging
import threading
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.client import HTTPException
from pathlib import Path
from typing import Any
from urllib.parse import SplitResult, unquote, urlsplit

from sixgates.adapters.settings import Settings
from sixgates.gates.message import Message, document, text, title

WEBHOOK_PATIENCE = 5.0
"""Seconds a webhook has, from the first look at its name to its answer."""
APPRISE_PATIENCE = 15.0
"""Seconds a service behind Apprise has: mail servers take their time."""
_TALKATIVE = ("apprise", "requests", "urllib3.connectionpool")
"""Loggers that show addresses."""
_MAIL = ("mailto", "mailtos")

_Mailbox = tuple[str | bool, str]
"""Name and address of one who gets a mail, as Apprise has them."""


class NotSentError(Exception):
    """A message did not arrive; says why, without the address."""


class NoAnswerError(NotSentError):
    """Nobody answered within a channel's patience."""


@dataclass(frozen=True, slots=True)
class Channel:
    """One configured way to reach people."""

    label: str
    """Kind and host: what the record, logs and people may see of the address."""
    send: Callable[[Message], None]
    """Deliver a message or raise `NotSentError`, within the channel's patience."""


def channels_of(settings: Settings) -> list[Channel]:
    """Return the channels of `SIXGATES_NOTIFY`, each under a label of its own.

    An address that cannot be used is a channel too, one that fails and says so: a notifier that is
    set up wrongly must not keep a gate from judging.
    """
    addresses = dict.fromkeys(a.strip() for a in settings.notify.get_secret_value().split(","))
    token = settings.notify_token.get_secret_value() if settings.notify_token else ""
    places = enumerate((a for a in addresses if a), 1)
    found: list[Channel] = []
    for channel in (c for place, address in places for c in _channels(place, address, token)):
        same = sum(c.label.split(" #")[0] == channel.label for c in found)
        label = f"{channel.label} #{same + 1}" if same else channel.label
        found.append(Channel(label, channel.send))
    return found


def _channels(place: int, address: str, token: str) -> list[Channel]:
    try:
        parts = urlsplit(address)
        channel = _of_kind(address, parts, parts.port, token)
    except ValueError:
        return [Channel(f"address {place}", _refusing(place))]
    mailboxes = _mailboxes(address) if parts.scheme in _MAIL else []
    return _by_mail(channel.label, address, mailboxes) if mailboxes else [channel]


def _of_kind(address: str, parts: SplitResult, port: int | None, token: str) -> Channel:
    """Return the channel of an address, or raise ValueError where it can be none."""
    host = parts.hostname or ""
    match parts.scheme:
        case "file" if not parts.netloc and parts.path.startswith("/"):
            path = unquote(parts.path)
            return Channel(f"file {path}", lambda message: _append(path, message))
        case "http" | "https" if host and parts.username is None:
            post = _bounded(WEBHOOK_PATIENCE, lambda message: _post(address, token, message))
            return Channel(f"webhook {host}{f':{port}' if port else ''}", post)
        case "" | "file" | "http" | "https":
            raise ValueError
    if "://" not in address:
        raise ValueError  # what looks like a scheme may be the name of a user, or a secret
    where = f" {host}" if parts.scheme in _MAIL and host else ""
    tell = _bounded(APPRISE_PATIENCE, lambda message: _apprise(address, message))
    return Channel(f"{parts.scheme}{where}", tell)


def _refusing(place: int) -> Callable[[Message], None]:
    def refuse(_message: Message) -> None:
        raise NotSentError(
            f"address {place} of SIXGATES_NOTIFY cannot be used: write file:/absolute/path,"
            " https://host/path without a user, or an address that Apprise knows"
        )

    return refuse


def _append(path: str, message: Message) -> None:
    line = json.dumps(document(message)).encode() + b"\n"
    try:
        Path(path).parent.mkdir(parents=True, exist_ok=True)
        with Path(path).open("ab+") as file:
            if file.tell():
                file.seek(-1, 2)
                if file.read(1) != b"\n":
                    line = b"\n" + line  # a full disk left half a line: spoil no second one
            file.write(line)
    except OSError as exc:
        raise NotSentError(exc.strerror or type(exc).__name__) from None


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    """A redirect would carry message and token to where nobody sent them."""

    def redirect_request(self, *_: Any) -> None:  # noqa: ANN401 - urllib's own signature
        """Let the redirect be an answer like any other."""


def _post(address: str, token: str, message: Message) -> None:
    # Not httpx: it logs the address of every request.
    headers = {"Content-Type": "application/json", "Idempotency-Key": message.id}
    if token:
        headers["Authorization"] = f"Bearer {token}"
    try:
        request = urllib.request.Request(  # noqa: S310 - the scheme was looked at
            address, json.dumps(document(message)).encode(), headers, method="POST"
        )
        opener = urllib.request.build_opener(_NoRedirect)
        with opener.open(request, timeout=WEBHOOK_PATIENCE):
            pass
    except urllib.error.HTTPError as exc:
        with exc:
            hint = ", a redirect, which is not followed" if 300 <= exc.code < 400 else ""  # noqa: PLR2004
            raise NotSentError(f"it answered {exc.code}{hint}") from None
    except OSError as exc:
        # URLError wraps what really happened; its own text and others' may show the address.
        inner = getattr(exc, "reason", exc)
        why = (
            inner.strerror
            if isinstance(inner, OSError) and inner.strerror
            else type(inner).__name__
        )
        raise NotSentError(f"it could not be reached ({why})") from None
    except (HTTPException, ValueError) as exc:
        raise NotSentError(f"it could not be asked ({type(exc).__name__})") from None


def _mailboxes(address: str) -> list[_Mailbox]:
    """Return who gets the mails of an address; none where Apprise knows no such address.

    Whoever gets a copy is one of them: Apprise does not say of a mail whether it went to all.
    """
    with _silent(_TALKATIVE):
        import apprise

        mail: Any = apprise.Apprise.instantiate(address)
        if not mail:
            return []
        copied = ((mail.names.get(one, False), one) for one in sorted({*mail.cc, *mail.bcc}))
        return list(dict.fromkeys([*mail.targets, *copied]))


def _by_mail(label: str, address: str, mailboxes: list[_Mailbox]) -> list[Channel]:
    """Return a channel for each mailbox, so that one that is refused is tried again alone.

    A server that hangs is waited for once.
    """
    hanging: list[NotSentError] = []

    def sender(mailbox: _Mailbox) -> Callable[[Message], None]:
        send = _bounded(APPRISE_PATIENCE, lambda message: _apprise(address, message, mailbox))

        def tell(message: Message) -> None:
            if hanging:
                raise hanging[0]
            try:
                send(message)
            except NoAnswerError as exc:
                hanging.append(exc)
                raise

        return tell

    return [Channel(label, sender(mailbox)) for mailbox in mailboxes]


def _apprise(address: str, message: Message, mailbox: _Mailbox | None = None) -> None:
    with _silent(_TALKATIVE):
        import apprise

        found: Any = apprise.Apprise.instantiate(address)
        service = apprise.Apprise()
        if not found or not service.add(found):
            raise NotSentError("Apprise does not know such an address")
        if mailbox:
            found.targets, found.cc, found.bcc = [mailbox], set(), set()
        elif "overflow=" not in address:  # a chat refuses what is longer than it takes at once
            found.overflow_mode = apprise.OverflowMode.SPLIT
        if not service.notify(
            body=text(message), title=title(message), body_format=apprise.NotifyFormat.TEXT
        ):
            whom = f" to {mailbox[1]}" if mailbox else ""
            raise NotSentError(f"Apprise could not deliver it{whom}")


def _bounded(patience: float, send: Callable[[Message], None]) -> Callable[[Message], None]:
    """Let a sender have so many seconds in all, however slowly the other side drips."""

    def deliver(message: Message) -> None:
        failures: list[BaseException] = []

        def attempt() -> None:
            try:
                send(message)
            except Exception as exc:  # noqa: BLE001 - whatever a service's plugin raises
                failures.append(exc)

        thread = threading.Thread(target=attempt, name="notification", daemon=True)
        thread.start()
        thread.join(patience)
        if thread.is_alive():
            raise NoAnswerError(f"no answer within {patience:.0f} s")
        if failures:
            known = isinstance(failures[0], NotSentError)
            raise NotSentError(str(failures[0]) if known else type(failures[0]).__name__)

    return deliver


@contextmanager
def _silent(names: tuple[str, ...]) -> Iterator[None]:
    """Keep what this thread does out of some logs: the thread is the sender's own."""
    own = threading.get_ident()

    def others(record: logging.LogRecord) -> bool:
        return record.thread != own

    loggers = [logging.getLogger(name) for name in names]
    for logger in loggers:
        logger.addFilter(others)
    try:
        yield
    finally:
        for logger in loggers:
            logger.removeFilter(others)
