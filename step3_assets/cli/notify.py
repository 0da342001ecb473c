"""``step3 notify``: how failures are reported, and whether a message arrives.

Belongs here: the words printed.
"""

import logging

import click

from step3_assets.cli.failures import CommandFailed


@click.command()
@click.option("--test", "is_test", is_flag=True, help="Send a message and say whether it arrived.")
def notify(is_test: bool) -> None:
    """Show who is told when a run fails or a delivery is refused; send a test message.

    Set it in step3.toml under STEP3_HOME. Secrets stay in the environment; the file names the
    variables.

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

    Exit status 1 when a test message does not arrive.
    """
    from step3_assets.defs.notifier import Message, shown_address
    from step3_assets.defs.notifier import notify as send
    from step3_assets.defs.resources import load_settings

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
    """Standard error for the channel ``log``; what goes wrong elsewhere is the outcome's to say."""
    log = logging.getLogger("step3.notify")
    log.propagate = False
    log.handlers = [logging.StreamHandler() if config.channel == "log" else logging.NullHandler()]
    return log
