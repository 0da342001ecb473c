"""``step3 notify``: how failures are reported, and a test message.

Belongs here: the printed text.
"""

import logging

import click

from step3_assets.cli.failures import CommandFailed


@click.command()
@click.option(
    "--test",
    "is_test",
    is_flag=True,
    help="Send a test message and report whether it was delivered.",
)
def notify(is_test: bool) -> None:
    """Show who gets a message when a run fails or a delivery is refused; send a test message.

    Choose the channel in step3.toml under STEP3_HOME. Passwords and tokens stay in environment
    variables; the file holds only the names of the variables.

    \b
        [notify]
        channel = "webhook"            # log (the default), webhook or email
        [notify.webhook]
        url = "https://chat.example.com/hook"   # or url_env = "STEP3_WEBHOOK_URL"
        token_env = "STEP3_WEBHOOK_TOKEN"

    \b
        [notify]
        channel = "email"
        [notify.email]
        host = "mail.example.com"      # port = 587, security = "starttls"
        sender = "step3@example.com"
        to = ["desk@example.com"]
        user_env = "STEP3_MAIL_USER"
        password_env = "STEP3_MAIL_PASSWORD"

    Exit status 1 if the test message could not be sent.
    """
    from step3_assets.defs.notifier import Message, shown_address
    from step3_assets.defs.notifier import notify as send
    from step3_assets.defs.settings import load_settings

    settings = load_settings()
    config = settings.notify
    click.echo(f"channel   {config.channel}")
    if config.webhook is not None and config.channel == "webhook":
        url = config.webhook.url
        shown = shown_address(url) if url else f"in the variable {config.webhook.url_env}"
        click.echo(f"address   {shown}")
    if config.email is not None and config.channel == "email":
        click.echo(f"server    {config.email.host}:{config.email.port} ({config.email.security})")
        click.echo(f"to        {', '.join(config.email.to)}")
    if not is_test:
        return
    outcome = send(settings, Message("Test", error="this is a test message"), _quiet_log(config))
    if not outcome.is_delivered:
        raise CommandFailed(f"the message did not arrive: {outcome.detail}")
    click.echo(f"arrived   {outcome.detail}")


def _quiet_log(config) -> logging.Logger:
    """Log to standard error for channel ``log``; other channels return what went wrong."""
    log = logging.getLogger("step3.notify")
    log.propagate = False
    log.handlers = [logging.StreamHandler() if config.channel == "log" else logging.NullHandler()]
    return log
