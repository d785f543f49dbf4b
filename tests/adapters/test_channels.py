"""Each kind of channel against a real other side, well and badly behaved."""

import json
import logging
import time
from dataclasses import replace
from datetime import datetime
from pathlib import Path

import pytest

from sixgates.adapters import channels
from sixgates.adapters.channels import NotSentError, channels_of
from sixgates.adapters.settings import Settings
from sixgates.gates.message import Message, document, title
from sixgates.gates.verdict import at_most
from tests.adapters.receivers import hanging, mail_server, receiver, unused

PLANTED = "hush-hush-4711"
MESSAGE = Message(
    id="loans/route/4", model="loans", what="promoted", headline="version 3 promoted",
    at=datetime(2026, 1, 5),  # noqa: DTZ001 - naive UTC
    happened=("It happened.",), checks=(), served=None, following=(), choices=(),
)  # fmt: skip


@pytest.fixture(autouse=True)
def no_proxy(monkeypatch):
    monkeypatch.setenv("no_proxy", "*")


@pytest.fixture
def given(tmp_path):
    """Build the channels of some addresses."""

    def build(notify, **others):
        return channels_of(Settings(home=tmp_path / "home", notify=notify, **others))

    return build


def only(built):
    (channel,) = built
    return channel


def test_without_a_setting_messages_are_lines_of_a_file_at_home(tmp_path):
    home = tmp_path / "a home, with #?%"
    channel = only(channels_of(Settings(home=home)))
    channel.send(MESSAGE)
    channel.send(replace(MESSAGE, id="loans/route/5"))
    lines = (home / "notifications.jsonl").read_text().splitlines()
    assert [json.loads(line)["id"] for line in lines] == ["loans/route/4", "loans/route/5"]
    assert json.loads(lines[0]) == document(MESSAGE)
    assert channel.label == f"file {home}/notifications.jsonl"


def test_half_a_line_spoils_no_second_one(given, tmp_path):
    path = tmp_path / "told.jsonl"
    path.write_text('{"id": "loans/rou')
    only(given(f"file:{path}")).send(MESSAGE)
    assert json.loads(path.read_text().splitlines()[1]) == document(MESSAGE)


@pytest.mark.parametrize("spoil", ["read-only", "folder", "full"])
def test_a_file_that_cannot_be_written_is_no_crash(given, tmp_path, spoil):
    path = tmp_path / "told.jsonl"
    if spoil == "folder":
        path.mkdir()
    elif spoil == "full":
        path.symlink_to("/dev/full")
    else:
        path.touch()
        path.chmod(0o444)
        if _may_write(path):  # root may, but not here
            path = Path("/proc/sys/kernel/ostype")
    with pytest.raises(NotSentError, match=r"denied|directory|space"):
        only(given(f"file:{path}")).send(MESSAGE)


def _may_write(path):
    try:
        with path.open("ab"):
            return True
    except OSError:
        return False


def test_a_webhook_gets_the_whole_document_with_its_id_and_token(given):
    with receiver(status=204) as there:
        only(given(f"{there.url}/hook?x=1", notify_token=PLANTED)).send(MESSAGE)
    ((path, headers, body),) = there.calls
    assert (path, body) == ("/hook?x=1", document(MESSAGE))
    assert headers["Authorization"] == f"Bearer {PLANTED}"
    assert headers["Idempotency-Key"] == MESSAGE.id
    assert headers["Content-Type"] == "application/json"


def test_without_a_token_none_is_sent(given):
    with receiver() as there:
        only(given(there.url)).send(MESSAGE)
    assert "Authorization" not in there.calls[0][1]


@pytest.mark.parametrize("status", [400, 403, 404, 500, 503])
def test_an_answer_that_is_no_success_is_said(given, status):
    with receiver(status=status) as there, pytest.raises(NotSentError, match=f"answered {status}"):
        only(given(there.url)).send(MESSAGE)


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_no_redirect_is_followed(given, status):
    with receiver() as elsewhere:
        with receiver(status=status, location=f"{elsewhere.url}/stolen") as there:
            with pytest.raises(NotSentError, match=f"answered {status}, a redirect"):
                only(given(there.url, notify_token=PLANTED)).send(MESSAGE)
            assert len(there.calls) == 1
        assert elsewhere.calls == []


def test_a_receiver_that_is_not_there_is_said(given):
    with pytest.raises(NotSentError, match=r"could not be reached \(Connection refused\)"):
        only(given(unused())).send(MESSAGE)


@pytest.mark.parametrize("drip", [b"", b"H", b"HTTP/1.1 200 OK\r\nX-More: 1\r\n"])
def test_a_receiver_that_hangs_or_drips_is_left_after_the_patience(given, monkeypatch, drip):
    monkeypatch.setattr(channels, "WEBHOOK_PATIENCE", 0.5)
    with hanging(drip=drip) as url:
        channel, began = only(given(url)), time.monotonic()
        with pytest.raises(NotSentError):
            channel.send(MESSAGE)
        assert time.monotonic() - began < 2.0


def test_a_webhook_has_five_seconds():
    assert channels.WEBHOOK_PATIENCE == 5.0


def test_apprise_reaches_its_services(given):
    with receiver() as there:
        address = there.url.replace("http://", "json://")
        channel = only(given(f"{address}/{PLANTED}"))
        channel.send(MESSAGE)
        assert channel.label == "json"
        ((path, _, body),) = there.calls
        assert PLANTED in path
        assert body["title"] == title(MESSAGE)
        assert body["message"].startswith("It happened.")
        there.status = 500
        with pytest.raises(NotSentError, match="Apprise could not deliver it"):
            channel.send(MESSAGE)


@pytest.mark.parametrize(("asked", "parts"), [("", 3), ("?overflow=truncate", 1)])
def test_what_is_too_long_for_a_chat_comes_in_parts(given, monkeypatch, asked, parts):
    from apprise.plugins.custom_json import NotifyJSON

    monkeypatch.setattr(NotifyJSON, "body_maxlen", 2_000)  # as that of Discord
    checks = tuple(at_most(f"null rate of column {n:03}", 0.4, 0.1, 8_210) for n in range(100))
    with receiver() as there:
        only(given(there.url.replace("http://", "json://") + asked)).send(
            replace(MESSAGE, checks=checks)
        )
    bodies = [body["message"] for _, _, body in there.calls]
    assert (len(bodies), max(map(len, bodies)) <= 2_000) == (parts, True)
    assert ("column 099" in "".join(bodies)) == (parts > 1)


def test_a_mail_goes_to_each_mailbox_by_itself_and_says_who_did_not_get_it(given):
    with mail_server("gone@b.org") as (port, got):
        address = f"mailto://127.0.0.1:{port}/one@a.org/gone@b.org?from=six@gates.org"
        built = given(f"{address}&cc=two@a.org&bcc=two@a.org")
        assert [c.label for c in built] == [
            "mailto 127.0.0.1", "mailto 127.0.0.1 #2", "mailto 127.0.0.1 #3",
        ]  # fmt: skip
        built[0].send(MESSAGE)
        with pytest.raises(NotSentError, match=r"could not deliver it to gone@b\.org"):
            built[1].send(MESSAGE)
        built[2].send(MESSAGE)
        assert got == ["one@a.org", "two@a.org"]


def test_a_mail_server_that_hangs_is_waited_for_once(given, monkeypatch):
    monkeypatch.setattr(channels, "APPRISE_PATIENCE", 0.5)
    with hanging() as url:
        port = url.rpartition(":")[2]
        built = given(f"mailto://127.0.0.1:{port}/one@a.org/two@a.org?from=six@gates.org")
        began = time.monotonic()
        for channel in built:
            with pytest.raises(NotSentError, match="no answer within"):
                channel.send(MESSAGE)
        assert (len(built), time.monotonic() - began < 0.9) == (2, True)


def test_several_channels_are_told_apart_and_repeats_are_one(given):
    built = given(
        " https://hooks.example.org/T1/B1 ,https://hooks.example.org/T2/B2,,"
        "https://hooks.example.org/T1/B1,http://127.0.0.1:9/x,slack://T/B/x,"
        "mailto://me:secret@example.org?to=you%2Cthey,file:/tmp/a"
    )
    assert [channel.label for channel in built] == [
        "webhook hooks.example.org", "webhook hooks.example.org #2", "webhook 127.0.0.1:9",
        "slack", "mailto example.org", "file /tmp/a",
    ]  # fmt: skip


@pytest.mark.parametrize(
    "address",
    [
        f"https://me:{PLANTED}@example.org/", f"https://:{PLANTED}@/", f"http:///{PLANTED}",
        f"https://example.org:{PLANTED}/", f"https://[{PLANTED}/", f"file:{PLANTED}",
        f"file://{PLANTED}/x", PLANTED, f"nonsense://{PLANTED}", f"slack://{PLANTED}",
        f"me:{PLANTED}@example.org", f"{PLANTED}:x",
        f"https://127.0.0.1:9/{PLANTED} and\tmore", f"mailto://{PLANTED}",
    ],
)  # fmt: skip
def test_an_address_that_cannot_be_used_fails_alone_and_shows_no_secret(
    given, address, caplog, capfd
):
    caplog.set_level(logging.DEBUG)
    (wrong, fine) = given(f"{address},file:/dev/null")
    with pytest.raises(NotSentError) as caught:
        wrong.send(MESSAGE)
    fine.send(MESSAGE)
    shown = [str(caught.value), repr(caught.value), caplog.text, *capfd.readouterr()]
    if not address.startswith("mailto"):  # its host is shown, and this one has nothing else
        shown += [wrong.label, repr(wrong)]
    assert not any(PLANTED in text for text in shown)


@pytest.mark.parametrize("scheme", ["http", "json"])
@pytest.mark.parametrize("status", [200, 500])
def test_a_secret_in_an_address_is_in_no_log(given, caplog, capfd, scheme, status):
    caplog.set_level(logging.DEBUG)
    with receiver(status=status) as there:
        address = f"{scheme}{there.url.removeprefix('http')}/{PLANTED}"
        channel = only(given(address, notify_token=PLANTED))
        if status == 500:
            with pytest.raises(NotSentError) as caught:
                channel.send(MESSAGE)
            assert PLANTED not in str(caught.value)
        else:
            channel.send(MESSAGE)
        assert PLANTED in there.calls[0][0]
    assert not any(PLANTED in text for text in (channel.label, caplog.text, *capfd.readouterr()))


def test_settings_do_not_show_the_addresses(tmp_path):
    settings = Settings(home=tmp_path, notify=f"slack://{PLANTED}", notify_token=PLANTED)
    assert PLANTED not in repr(settings) + str(settings) + settings.model_dump_json()
