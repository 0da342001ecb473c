"""Settings of the notifier: who gets a message when something fails.

Belongs here: numbers a person may set, each with its reason. Does not belong here: reading files or
the environment (:mod:`step3_assets.defs.settings` does that).
"""

from typing import Literal

from pydantic import Field, model_validator

from step3_assets.config.base import Frozen


class WebhookConfig(Frozen):
    """Where messages are posted as JSON; secrets are named by their environment variable."""

    url: str | None = Field(
        default=None, repr=False, description="http(s) address, without a secret in it."
    )
    url_env: str | None = Field(
        default=None, description="Variable that holds the address, if the address is a secret."
    )
    token_env: str | None = Field(
        default=None, description="Variable that holds a bearer token to send."
    )

    @model_validator(mode="after")
    def _one_address(self) -> "WebhookConfig":
        if (self.url is None) == (self.url_env is None):
            raise ValueError("name the address in either url or url_env")
        if self.url and ("@" in self.url or "?" in self.url):
            raise ValueError("url holds a user or a query: put it in a variable, name it url_env")
        return self


class EmailConfig(Frozen):
    """How messages are mailed; user and password are named by their environment variables."""

    host: str
    port: int = Field(default=587, ge=1, le=65535, description="The submission port.")
    security: Literal["starttls", "tls", "none"] = Field(
        default="starttls", description="none: only for a server on this machine."
    )
    sender: str
    to: tuple[str, ...] = Field(min_length=1)
    user_env: str | None = None
    password_env: str | None = None

    @model_validator(mode="after")
    def _no_password_in_clear(self) -> "EmailConfig":
        if (self.user_env is None) != (self.password_env is None):
            raise ValueError("user_env and password_env belong together")
        if self.user_env and self.security == "none":
            raise ValueError("a password is not sent in clear: security is starttls or tls")
        return self


class NotifyConfig(Frozen):
    """Who gets a message when a run or a tick fails, or a delivery is refused."""

    channel: Literal["log", "webhook", "email"] = Field(
        default="log", description="log: the daemon's log, which needs no other service."
    )
    ui_url: str = Field(
        default="http://127.0.0.1:3000", description="Start of the link; where step3 ui listens."
    )
    timeout_s: float = Field(
        default=5.0,
        gt=0,
        le=10,
        description="Longest wait for one attempt. Three attempts with their pauses stay below the "
        "60 s that a sensor has.",
    )
    attempts: int = Field(default=3, ge=1, le=3, description="Tries before the message is lost.")
    webhook: WebhookConfig | None = None
    email: EmailConfig | None = None

    @model_validator(mode="after")
    def _channel_is_described(self) -> "NotifyConfig":
        if self.channel != "log" and getattr(self, self.channel) is None:
            raise ValueError(f"channel {self.channel} needs a section [notify.{self.channel}]")
        return self
