"""A compaction into an object store dies amid any request that changes it, and nothing is lost.

The requests are counted and not listed: an undisturbed compaction is played first. Each is the last
one of a compaction twice: the store never sees it, or carries it out and its answer is never seen.
"""

import shutil
import signal

import boto3
import pytest

from sixgates.adapters import delta_packing, sealed_segments
from sixgates.adapters.table_place import ObjectFolder
from tests.adapters.a_log import ALog, prediction
from tests.adapters.test_compaction_kills import mortal  # noqa: F401 - a fixture
from tests.aws import aws

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def server():
    with pytest.MonkeyPatch.context() as patch, aws(patch) as server:
        boto3.client("s3").create_bucket(
            Bucket="lake", CreateBucketConfiguration={"LocationConstraint": "eu-north-1"}
        )
        yield server


def copy(there, here):
    """Copy what lies in one folder of the store into another."""
    store = boto3.client("s3")
    old, new = (f"{folder}/".removeprefix("s3://lake/") for folder in (there, here))
    for found in store.list_objects_v2(Bucket="lake", Prefix=old).get("Contents", []):
        source, key = found["Key"], found["Key"].replace(old, new, 1)
        store.copy_object(Bucket="lake", Key=key, CopySource={"Bucket": "lake", "Key": source})


@pytest.fixture
def lived(server, tmp_path, monkeypatch):
    """A log whose tables have rows, with segments to compact and files to pack."""
    monkeypatch.setattr(sealed_segments, "BATCH_SEGMENTS", 2)
    monkeypatch.setattr(delta_packing, "MANY", 2)
    server.plan()
    log = ALog(tmp_path / "lived", ObjectFolder("s3://lake/lived"))
    for n in range(4):
        log.write(f"predictions-{100 + n}-1", *(prediction(f"{n}.{i}") for i in range(5)))
        if n in {0, 1}:
            log.compact()
    log.write("predictions-200-1", prediction("torn")[:30])
    return log


def test_it_may_die_amid_any_request(server, lived, mortal, tmp_path):  # noqa: F811
    def play(**plan):
        home, tables = tmp_path / "home", ObjectFolder(f"s3://lake/{len(played)}")
        shutil.copytree(lived.home, home)
        copy(lived.tables, tables)
        log = ALog(home, tables)
        died = mortal(home, tables=str(tables), plan=plan)
        count = server.count()
        server.plan()
        log.assert_whole()
        log.compact()
        log.assert_all_in_tables()
        shutil.rmtree(home)
        played.append(died["signal"])
        return count

    played = []
    changing = play()
    assert changing == 4  # A file and a commit, of new rows and of the packing.
    for at in range(1, changing + 1):
        for applied in (False, True):
            play(at=at, applied=applied)
    assert played == [0] + [signal.SIGKILL] * 2 * changing
