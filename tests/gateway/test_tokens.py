"""Tokens carry a role, lie in a file that others cannot read, and appear nowhere."""

from hmac import compare_digest

import pytest

from sixgates.gates.errors import ConfigurationError
from sixgates.gateway.tokens import Role, tokens_of

OPEN = "10.0.0.1"


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "tokens"
    path.write_text(
        "# who may what\nread seeing-is-free\n\noperate working-hard\napprove big-word\n"
    )
    path.chmod(0o600)
    return path


def bearer(token):
    return {"headers": {"authorization": f"Bearer {token}"}}


@pytest.mark.parametrize(
    ("sent", "role"),
    [
        ("Bearer seeing-is-free", Role.READ),
        ("Bearer working-hard", Role.OPERATE),
        ("Bearer big-word", Role.APPROVE),
        ("Bearer of-the-setting", Role.OPERATE),
        ("Bearer seeing-is-fre", None),
        ("Bearer ", None),
        ("seeing-is-free", None),
        ("", None),
    ],
)
def test_a_token_has_the_role_of_its_line(file, sent, role):
    assert tokens_of("of-the-setting", file).role_of(sent.encode()) is role


def test_the_stronger_role_holds_where_a_token_is_listed_twice(file):
    assert tokens_of("seeing-is-free", file).role_of(b"Bearer seeing-is-free") is Role.OPERATE


@pytest.mark.parametrize("sent", [b"of-the-setting", b"big-word", b"nothing"])
def test_every_token_is_compared_whichever_fits(file, monkeypatch, sent):
    pairs = []

    def compare(*pair):
        pairs.append(pair)
        return compare_digest(*pair)

    monkeypatch.setattr("sixgates.gateway.tokens.hmac.compare_digest", compare)
    tokens_of("of-the-setting", file).role_of(b"Bearer " + sent)
    assert len(pairs) == 4
    assert {len(digest) for pair in pairs for digest in pair} == {32}


def test_no_token_is_kept_or_shown(file):
    tokens = tokens_of("of-the-setting", file)
    for secret in ("of-the-setting", "seeing-is-free", "working-hard", "big-word"):
        assert secret not in repr(tokens)


@pytest.mark.parametrize("mode", [0o644, 0o640, 0o604, 0o620])
def test_a_file_that_others_can_reach_is_refused(file, mode):
    file.chmod(mode)
    with pytest.raises(ConfigurationError, match=r"others may read the token file .*chmod 600"):
        tokens_of(None, file)


def test_a_file_that_is_not_there_is_named(tmp_path):
    with pytest.raises(ConfigurationError, match=r"token file .*nowhere cannot be read"):
        tokens_of(None, tmp_path / "nowhere")


@pytest.mark.parametrize("line", ["admin hush-hush", "read", "hush-hush", "read hush hush"])
def test_a_wrong_line_is_named_without_its_words(file, line):
    file.write_text(f"read fine\n{line}\n")
    with pytest.raises(ConfigurationError, match="line 2 of the token file") as found:
        tokens_of(None, file)
    assert "hush" not in str(found.value)


def test_admin_calls_need_to_operate(house, champion, file):
    house.route(champion)
    gateway = house.gateway(token=None, file=file)
    for token, status in (
        ("seeing-is-free", 403), ("working-hard", 200), ("big-word", 200), ("wrong", 401),
    ):  # fmt: skip
        assert gateway.admin("/admin/follow", token=token).status_code == status
    refused = gateway.admin("/admin/follow", token="seeing-is-free").json()["error"]
    assert refused == "this token may read: the call needs one that may operate"


def test_on_this_machine_alone_only_admin_calls_need_a_token(house, champion, file, sample_rows):
    house.route(champion)
    gateway = house.gateway(file=file)
    assert gateway.get("/serving").status_code == gateway.get("/metrics").status_code == 200
    assert gateway.score(sample_rows(1)).status_code == 200
    assert gateway.post("/labels", []).status_code == 200


def test_beyond_it_everything_but_the_health_needs_to_read(house, champion, file, sample_rows):
    house.route(champion)
    gateway = house.gateway(file=file, host=OPEN)
    assert gateway.get("/healthz").status_code == 200
    rows = {"dataframe_records": sample_rows(1)}
    for method, path, body in (
        ("GET", "/serving", None), ("GET", "/metrics", None), ("POST", "/invocations", rows),
        ("POST", "/labels", []),
    ):  # fmt: skip
        assert gateway.request(method, path, json=body).status_code == 401, path
        for token in ("seeing-is-free", "working-hard", "big-word"):
            answer = gateway.request(method, path, json=body, **bearer(token))
            assert answer.status_code == 200, path
    assert house.predictions()[0].version == "1"


def test_clients_need_no_token_where_none_is_for_them(house, champion, sample_rows):
    house.route(champion)
    gateway = house.gateway(token="t", host=OPEN)
    assert gateway.score(sample_rows(1)).status_code == 200
    assert gateway.post("/labels", []).status_code == 200
    assert gateway.get("/serving").status_code == 401
    assert gateway.request("GET", "/serving", **bearer("t")).status_code == 200


def test_without_any_token_no_other_machine_may_call(house):
    with pytest.raises(ConfigurationError, match="set SIXGATES_GATEWAY_TOKEN"):
        house.gateway(token=None, host=OPEN)


@pytest.mark.parametrize(
    ("line", "role", "name"),
    [
        ("approve big-word name=ann", Role.APPROVE, "ann"),
        ("Operate big-word name=ann.lee@example.org", Role.OPERATE, "ann.lee@example.org"),
        ("approve big-word", Role.APPROVE, ""),
    ],
)
def test_a_token_may_say_whose_it_is(file, line, role, name):
    file.write_text(f"{line}\n")
    found = tokens_of(None, file).bearer_of(b"big-word")
    assert (found.role, found.name) == (role, name)


@pytest.mark.parametrize("line", ["approve ann hush-hush", "approve hush name=", "read a name=b c"])
def test_a_name_is_never_taken_from_where_a_token_might_stand(file, line):
    file.write_text(f"{line}\n")
    with pytest.raises(ConfigurationError, match="line 1 of the token file") as found:
        tokens_of(None, file)
    assert "hush" not in str(found.value)
