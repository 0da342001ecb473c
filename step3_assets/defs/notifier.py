"""The notifier: sends one message to the log, a webhook or a mailbox.

Belongs here: the wording of a message, sending it, keeping secrets out of it. Does not belong here:
when one is sent (:mod:`step3_assets.defs.run_failure`, :mod:`step3_assets.defs.tick_failure`,
:mod:`step3_assets.defs.delivery.sensor`).

Nothing here raises and nothing waits for long: a message that cannot be delivered is an error in
the log, and the platform goes on.
"""

import http.client
import json
import logging
import os
import smtplib
import ssl
import threading
import time
import urllib.error
import urllib.request
from dataclasses import asdict, dataclass
from email.message import EmailMessage
from urllib.parse import urlsplit

from step3_assets.config import EmailConfig, NotifyConfig, WebhookConfig
from step3_assets.defs.settings import Settings, SettingsError, secret

ERROR_LENGTH = 400
PAUSE_S = 1.0
SHORTEST_SECRET = 4


@dataclass(frozen=True)
class Message:
    """What happened, in words that fit one line each.

    Attributes
    ----------
    title : str
    job, step, months, error : str
        Empty where they do not apply.
    place : str
        Page of the UI, below its address.
    """

    title: str
    error: str = ""
    job: str = ""
    step: str = ""
    months: str = ""
    place: str = ""

    def line(self) -> str:
        """Title, job, step, months and error in one line.

        Examples
        --------
        >>> Message("Run failed", "no such\\nmonth", "ingest", "events", "2021-01").line()
        'Run failed: job ingest, step events, months 2021-01: no such month'
        """
        named = (("job", self.job), ("step", self.step), ("months", self.months))
        where = ", ".join(f"{name} {value}" for name, value in named if value)
        return ": ".join(one_line(part) for part in (self.title, where, self.error) if part)

    def link(self, ui_url: str) -> str:
        """Where to look."""
        return f"{ui_url.rstrip('/')}/{self.place}"


@dataclass(frozen=True)
class Outcome:
    """Whether a message arrived, and how or why not."""

    is_delivered: bool
    detail: str


class NotTaken(RuntimeError):
    """The receiver refused for good: another attempt would not help."""


def one_line(text: str) -> str:
    """The text without line breaks, cut to a length that any channel takes."""
    flat = " ".join(text.split())
    return flat if len(flat) <= ERROR_LENGTH else f"{flat[:ERROR_LENGTH]} ..."


def notify(settings: Settings, message: Message, log: logging.Logger) -> Outcome:
    """Send a message over the configured channel; never raises.

    Parameters
    ----------
    settings : Settings
    message : Message
    log : Logger
        Where the message goes for ``log``, and what went wrong for the others.
    """
    config = settings.notify
    message = without_secrets(message, config)
    text = f"{message.line()} ({message.link(config.ui_url)})"
    if config.channel == "log":
        log.error(text)
        return Outcome(True, "written to the log")
    outcome = _try_often(config, message)
    if not outcome.is_delivered:
        log.error(f"{config.channel} did not deliver: {outcome.detail}. Not sent: {text}")
    return outcome


def secrets_of(config: NotifyConfig) -> list[str]:
    """Every secret of the channel that is set: values of variables, parts of the address."""
    variables = []
    if config.webhook is not None:
        variables += [config.webhook.url_env, config.webhook.token_env]
    if config.email is not None:
        variables += [config.email.user_env, config.email.password_env]
    values = [os.environ.get(name, "") for name in variables if name]
    addresses = [config.webhook.url or ""] if config.webhook is not None else []
    for address in [*addresses, *values]:
        values += [address, *_parts_of(address)]
    # Short parts, as a path "/", would blot out ordinary text.
    return sorted({value for value in values if len(value) >= SHORTEST_SECRET}, key=len)[::-1]


def _parts_of(address: str) -> list[str]:
    """User, path and query of an address; none where it is no address."""
    try:
        parts = urlsplit(address)
    except ValueError:
        return []
    return [parts.netloc.rpartition("@")[0], parts.path, parts.query] if parts.netloc else []


def redacted(text: str, config: NotifyConfig) -> str:
    """The text with every secret of the channel replaced by ``***``."""
    for value in secrets_of(config):
        text = text.replace(value, "***")
    return text


def without_secrets(message: Message, config: NotifyConfig) -> Message:
    """The message, redacted: an error may quote what it failed on."""
    return Message(**{name: redacted(text, config) for name, text in asdict(message).items()})


def shown_address(url: str) -> str:
    """An address as a person may see it: without user, path and query, which may be secret.

    Examples
    --------
    >>> shown_address("https://user:pass@chat.example.com/hooks/T0KEN?x=1")
    'https://chat.example.com/...'
    """
    parts = urlsplit(url)
    name = parts.netloc.rpartition("@")[2]
    return f"{parts.scheme}://{name}" + ("/..." if parts.path.strip("/") or parts.query else "")


def _try_often(config: NotifyConfig, message: Message) -> Outcome:
    """Attempts with a growing pause between them, until one succeeds or it is pointless."""
    detail = ""
    for attempt in range(config.attempts):
        if attempt:
            time.sleep(PAUSE_S * attempt)
        outcome, is_final = _try_once(config, message)
        if outcome.is_delivered or is_final:
            return outcome
        detail = outcome.detail
    return Outcome(False, f"{detail} ({config.attempts} attempts)")


def _try_once(config: NotifyConfig, message: Message) -> tuple[Outcome, bool]:
    """One attempt in a thread of its own, so that no slow peer or name server can hold it up."""
    found: list[tuple[Outcome, bool]] = []

    def attempt() -> None:
        try:
            found.append((Outcome(True, _send(config, message)), True))
        except (NotTaken, SettingsError) as error:
            found.append((Outcome(False, one_line(redacted(str(error), config))), True))
        except Exception as error:
            text = redacted(f"{type(error).__name__}: {error}", config)
            found.append((Outcome(False, one_line(text)), False))

    thread = threading.Thread(target=attempt, daemon=True, name="step3-notifier")
    thread.start()
    thread.join(config.timeout_s)
    late = Outcome(False, f"no answer within {config.timeout_s:g} s")
    return found[0] if found else (late, False)


def _send(config: NotifyConfig, message: Message) -> str:
    if config.channel == "webhook" and config.webhook is not None:
        return _post(config.webhook, config, message)
    assert config.email is not None
    return _mail(config.email, config, message)


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    """A redirected post becomes a get without its body: it would not have arrived."""

    def redirect_request(self, *_args: object, **_kwargs: object) -> None:
        return None


def _post(webhook: WebhookConfig, config: NotifyConfig, message: Message) -> str:
    url = webhook.url or secret(webhook.url_env or "")
    address = urlsplit(url)
    if address.scheme not in ("http", "https") or not address.hostname:
        raise NotTaken("the webhook's address is no http(s) address")
    body = {"text": message.line(), "link": message.link(config.ui_url), **asdict(message)}
    headers = {"Content-Type": "application/json", "User-Agent": "step3"}
    if webhook.token_env:
        headers["Authorization"] = f"Bearer {secret(webhook.token_env)}"
    request = urllib.request.Request(url, json.dumps(body).encode(), headers, method="POST")
    is_here = address.hostname in ("127.0.0.1", "::1", "localhost")
    proxies = [urllib.request.ProxyHandler({})] if is_here else []
    opener = urllib.request.build_opener(_NoRedirect, *proxies)
    try:
        with opener.open(request, timeout=config.timeout_s) as answer:
            return f"{address.hostname} answered {answer.status}"
    except urllib.error.HTTPError as error:
        text = f"{address.hostname} answered {error.code}"
        if error.code < 500 and error.code not in (408, 429):
            raise NotTaken(text) from None
        raise RuntimeError(text) from None
    except (http.client.InvalidURL, ValueError):  # whose words may quote a secret address
        raise NotTaken("the webhook's address is no valid one") from None


def _mail(email: EmailConfig, config: NotifyConfig, message: Message) -> str:
    letter = EmailMessage()
    letter["Subject"] = one_line(f"[step3] {message.title}: {message.job}".rstrip(": "))[:150]
    letter["From"], letter["To"] = email.sender, ", ".join(email.to)
    letter.set_content(f"{message.line()}\n\n{message.link(config.ui_url)}\n")
    context = ssl.create_default_context()
    if email.security == "tls":
        server = smtplib.SMTP_SSL(email.host, email.port, timeout=config.timeout_s, context=context)
    else:
        server = smtplib.SMTP(email.host, email.port, timeout=config.timeout_s)
    try:
        with server:
            if email.security == "starttls":
                server.starttls(context=context)
            if email.user_env and email.password_env:
                server.login(secret(email.user_env), secret(email.password_env))
            refused = server.send_message(letter)
    except smtplib.SMTPResponseException as error:
        if error.smtp_code >= 500:
            raise NotTaken(f"{email.host} answered {error.smtp_code}") from None
        raise
    if refused:
        raise NotTaken(f"{email.host} refused {', '.join(refused)}")
    return f"{email.host} took it for {', '.join(email.to)}"
