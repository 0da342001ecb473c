"""Sending a message: to the log, a webhook, a mailbox; and when sending fails."""

import logging
import re
import socket
import traceback
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from time import monotonic

import dagster as dg
import pytest
from click.testing import CliRunner

from step3_assets.cli.main import cli
from step3_assets.defs import notifier
from step3_assets.defs.notifier import Message, Outcome, notify
from step3_assets.defs.resources import PlatformResource
from step3_assets.defs.run_failure import build_run_failure_sensor, months_text
from step3_assets.defs.settings import Settings, SettingsError, load_settings
from step3_assets_tests.defs.receivers import mail_receiver, web_receiver

MESSAGE = Message(
    "Run failed", "no such\nfile", job="ingest", step="events", months="2021-01", place="runs/abc"
)
LINE = "Run failed: job ingest, step events, months 2021-01: no such file"
LOG = logging.getLogger("test")


@pytest.fixture(autouse=True)
def _no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(notifier, "PAUSE_S", 0.0)


def settings(home: Path, toml: str) -> Settings:
    (home / "step3.toml").write_text(toml)
    return load_settings(home)


def webhook(home: Path, port: int, more: str = "") -> Settings:
    url = f'url = "http://127.0.0.1:{port}/hook"'
    return settings(
        home, f'[notify]\nchannel = "webhook"\ntimeout_s = 2\n[notify.webhook]\n{url}\n{more}\n'
    )


def mail(home: Path, port: int) -> Settings:
    return settings(
        home,
        f'[notify]\nchannel = "email"\n[notify.email]\nhost = "127.0.0.1"\nport = {port}\n'
        'security = "none"\nsender = "step3@example.com"\nto = ["desk@example.com"]\n',
    )


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def test_the_log_is_the_default(tmp_path: Path, caplog: pytest.LogCaptureFixture):
    assert notify(settings(tmp_path, ""), MESSAGE, LOG).is_delivered
    assert caplog.messages == [f"{LINE} (http://127.0.0.1:3000/runs/abc)"]


def test_a_webhook_gets_the_message_as_json(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("HOOK_TOKEN", "s3cret")
    with web_receiver() as received:
        configured = webhook(tmp_path, received.port, 'token_env = "HOOK_TOKEN"')
        assert notify(configured, MESSAGE, LOG) == Outcome(True, "127.0.0.1 answered 200")
    (body,) = received.bodies
    assert body["text"] == LINE
    assert body["link"] == "http://127.0.0.1:3000/runs/abc"
    assert (body["job"], body["step"], body["months"]) == ("ingest", "events", "2021-01")
    assert received.headers[0]["Authorization"] == "Bearer s3cret"


def test_a_mailbox_gets_the_message(tmp_path: Path):
    with mail_receiver() as received:
        assert notify(mail(tmp_path, received.port), MESSAGE, LOG).is_delivered
    (letter,) = received.letters
    assert "Subject: [step3] Run failed: ingest" in letter
    assert LINE in letter
    assert "http://127.0.0.1:3000/runs/abc" in letter


@pytest.mark.parametrize(
    ("statuses", "is_delivered", "tries"),
    [
        ((500, 503), True, 3),  # it recovers
        ((500, 500, 500), False, 3),  # bounded
        ((403,), False, 1),  # no use in trying again
        ((429,), True, 2),
        ((302,), False, 1),  # a redirected post would arrive without its body
    ],
)
def test_tries_are_bounded_and_pointless_ones_are_not_made(
    tmp_path: Path, statuses: Sequence[int], is_delivered: bool, tries: int
):
    with web_receiver(*statuses) as received:
        outcome = notify(webhook(tmp_path, received.port), MESSAGE, LOG)
    assert (outcome.is_delivered, len(received.bodies)) == (is_delivered, tries)


def test_nobody_listens_and_the_log_says_so(tmp_path: Path, caplog: pytest.LogCaptureFixture):
    for configured in (webhook(tmp_path, free_port()), mail(tmp_path, free_port())):
        outcome = notify(configured, MESSAGE, LOG)
        assert not outcome.is_delivered
        assert "refused" in outcome.detail
        assert f"Not sent: {LINE}" in caplog.messages[-1]


def test_a_receiver_that_never_answers_is_given_up(tmp_path: Path):
    with web_receiver(delay_s=1.5) as received:
        configured = webhook(tmp_path, received.port)
        short = configured.notify.model_copy(update={"timeout_s": 0.2})
        started = monotonic()
        outcome = notify(replace(configured, notify=short), MESSAGE, LOG)
        assert monotonic() - started < 1.5
    assert not outcome.is_delivered
    assert "(3 attempts)" in outcome.detail


def test_a_refused_recipient_is_not_tried_again(tmp_path: Path):
    with mail_receiver("550 no such user") as received:
        outcome = notify(mail(tmp_path, received.port), MESSAGE, LOG)
    assert not outcome.is_delivered
    assert received.letters == []


def test_a_secret_that_is_not_set_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.delenv("HOOK_URL", raising=False)
    configured = settings(
        tmp_path, '[notify]\nchannel = "webhook"\n[notify.webhook]\nurl_env = "HOOK_URL"\n'
    )
    outcome = notify(configured, MESSAGE, LOG)
    assert outcome == Outcome(False, "the environment variable HOOK_URL is not set")


@pytest.mark.parametrize("url", ["http://[secret", "http://host:s3cret/x", "ftp://s3cret/x"])
def test_a_broken_address_is_not_quoted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, url: str):
    monkeypatch.setenv("HOOK_URL", url)
    configured = settings(
        tmp_path, '[notify]\nchannel = "webhook"\n[notify.webhook]\nurl_env = "HOOK_URL"\n'
    )
    outcome = notify(configured, MESSAGE, LOG)
    assert not outcome.is_delivered
    assert "cret" not in outcome.detail


@pytest.mark.parametrize(
    ("toml", "words"),
    [
        ('[notify]\nchanel = "log"\n', "chanel"),
        ('[notify]\nchannel = "pigeon"\n', "notify.channel"),
        ('[notify]\nchannel = "webhook"\n', r"needs a section \[notify.webhook\]"),
        ("[notify.webhook]\n", "either url or url_env"),
        ('[notify.webhook]\nurl = "https://me:pass@host/x"\n', "url_env"),
        ('[notify.webhook]\nurl = "https://host"\ntoken = "abc"\n', "notify.webhook.token"),
        ('[notify.email]\nhost = "h"\nsender = "a"\nto = []\n', "notify.email.to"),
        (
            '[notify.email]\nhost = "h"\nsender = "a"\nto = ["b"]\nsecurity = "none"\n'
            'user_env = "U"\npassword_env = "P"\n',
            "not sent in clear",
        ),
        ("[notify]\nattempts = 100\n", "notify.attempts"),
        ("[freshness]\nwarn_days = 20\n", "warn_days must be less"),
    ],
)
def test_a_wrong_setting_is_refused_by_name(tmp_path: Path, toml: str, words: str):
    with pytest.raises(SettingsError, match=words):
        settings(tmp_path, toml)


SECRET = "hunter2-s3cret"
REFUSED = [
    f'[notify.webhook]\nurl = "https://user:{SECRET}@host/x"\n',
    f'[notify.webhook]\nurl = "https://host/x?token={SECRET}"\n',
    f'[notify.webhook]\nurl = "https://host"\ntoken = "{SECRET}"\n',
    f'[notify.webhook]\nurl = ["{SECRET}"]\n',
    f'[notify]\nchannel = "{SECRET}"\n',
    f'[notify]\nattempts = "{SECRET}"\n',
    f'[notify]\nwebhook = "https://{SECRET}"\n',
    f'[notify.email]\nhost = "h"\nsender = "a"\nto = ["b"]\npassword = "{SECRET}"\n',
    f'[notify.email]\nhost = "h"\nport = "{SECRET}"\n',
    f'webhook_url = "{SECRET}"\n',
    f'workers = "{SECRET}"\n',
    f'[config.gate]\nk = "{SECRET}"\n',
    f'delivery = ["{SECRET}"]\n',
    f"notify = {SECRET}\n",
]


@pytest.mark.parametrize("toml", REFUSED)
def test_a_refused_setting_never_repeats_a_text(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, toml: str
):
    with pytest.raises(SettingsError) as caught:
        settings(tmp_path, toml)
    told = "".join(traceback.format_exception(caught.value))
    assert SECRET not in told
    monkeypatch.setenv("STEP3_HOME", str(tmp_path))
    for verb in ("status", "notify", "run"):
        result = CliRunner().invoke(cli, [verb])
        assert result.exception is not None
        assert SECRET not in "".join(traceback.format_exception(result.exception)) + result.output


def test_a_refused_number_is_repeated(tmp_path: Path):
    with pytest.raises(SettingsError, match=r"workers: .*\(it is 0\)"):
        settings(tmp_path, "workers = 0\n")


def test_the_path_of_an_address_is_never_shown(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Chat services put the secret into the path."""
    url = f"http://127.0.0.1:{free_port()}/hooks/{SECRET}"
    configured = settings(
        tmp_path, f'[notify]\nchannel = "webhook"\n[notify.webhook]\nurl = "{url}"\n'
    )
    assert SECRET not in repr(configured)
    monkeypatch.setenv("STEP3_HOME", str(tmp_path))
    shown = CliRunner().invoke(cli, ["notify"]).output
    assert SECRET not in shown
    assert "address   http://127.0.0.1:" in shown


@pytest.mark.parametrize("channel", ["log", "webhook"])
def test_an_error_that_quotes_a_secret_is_sent_without_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, channel: str
):
    monkeypatch.setenv("HOOK_TOKEN", SECRET)
    with web_receiver() as received:
        configured = webhook(tmp_path, received.port, 'token_env = "HOOK_TOKEN"')
        notify_config = configured.notify.model_copy(update={"channel": channel})
        quoting = replace(MESSAGE, error=f"401 for Bearer {SECRET}")
        notify(replace(configured, notify=notify_config), quoting, LOG)
    assert SECRET not in caplog.text + str(received.bodies)
    assert "401 for Bearer ***" in caplog.text + str(received.bodies)


def test_a_long_error_is_cut_to_one_line():
    line = replace(MESSAGE, error="word\n" * 1000).line()
    assert "\n" not in line
    assert len(line) < 600


@pytest.mark.parametrize(
    ("tags", "text"),
    [
        ({"dagster/partition": "2021-01-01"}, "2021-01"),
        (
            {
                "dagster/asset_partition_range_start": "2021-01-01",
                "dagster/asset_partition_range_end": "2021-03-01",
            },
            "2021-01 to 2021-03",
        ),
        ({"dagster/partition": "2021-01-04"}, "2021-01-04"),
        ({}, ""),
    ],
)
def test_the_months_of_a_run(tags: dict[str, str], text: str):
    assert months_text(tags) == text


def test_a_failed_run_is_told_with_job_step_months_and_error(tmp_path: Path):
    @dg.op
    def train() -> None:
        raise ValueError("the fold\nholds no rows")

    @dg.job
    def walk_forward() -> None:
        train()

    with web_receiver() as received, dg.DagsterInstance.ephemeral() as instance:
        webhook(tmp_path, received.port)
        result = walk_forward.execute_in_process(
            instance=instance, raise_on_error=False, tags={"dagster/partition": "2021-02-01"}
        )
        with dg.build_run_status_sensor_context(
            sensor_name="run_failure_notifier",
            dagster_event=result.get_run_failure_event(),
            dagster_instance=instance,
            dagster_run=result.dagster_run,
            resources={"platform": PlatformResource(home=str(tmp_path))},
        ).for_run_failure() as context:
            build_run_failure_sensor()(context)
    (body,) = received.bodies
    assert body["text"] == (
        "Run failed: job walk_forward, step train, months 2021-02: "
        "ValueError: the fold holds no rows"
    )
    assert body["link"].endswith(f"/runs/{result.run_id}")


def test_the_command_sends_a_test_message(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("STEP3_HOME", str(tmp_path))
    with web_receiver() as received:
        webhook(tmp_path, received.port)
        shown = CliRunner().invoke(cli, ["notify", "--test"])
    assert shown.exit_code == 0
    assert "arrived   127.0.0.1 answered 200" in shown.output
    assert re.match("Test: this is a test message", received.bodies[0]["text"])
    failed = CliRunner().invoke(cli, ["notify", "--test"])
    assert "did not arrive" in str(failed.exception)
