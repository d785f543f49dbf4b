import hashlib
import re
import subprocess
from importlib import metadata

import pytest

from sixgates.adapters import provenance


@pytest.fixture
def checkout(tmp_path, monkeypatch):
    root = tmp_path / "checkout"
    root.mkdir()
    monkeypatch.setattr(provenance, "_ROOT", root)

    def git(*arguments):
        who = ["-c", "user.name=x", "-c", "user.email=x@example.org"]
        subprocess.run(["git", "-C", root, *who, *arguments], check=True, capture_output=True)

    git("init")
    (root / "a.py").write_text("a = 1\n")
    git("add", "a.py")
    git("commit", "-m", "begin")
    return root


@pytest.mark.usefixtures("checkout")
def test_a_clean_checkout_is_its_commit():
    assert re.fullmatch("[0-9a-f]{40}", provenance.code_revision())


def test_a_changed_checkout_says_so(checkout):
    clean = provenance.code_revision()
    (checkout / "a.py").write_text("a = 2\n")
    assert provenance.code_revision() == f"{clean}+changed"


@pytest.fixture
def installed(monkeypatch):
    monkeypatch.setattr(metadata, "version", {"sixgates": "1.2.3"}.__getitem__)


@pytest.mark.usefixtures("installed")
def test_a_package_inside_somebody_elses_checkout_is_its_version(checkout, monkeypatch):
    (checkout / "site-packages").mkdir()
    monkeypatch.setattr(provenance, "_ROOT", checkout / "site-packages")
    assert provenance.code_revision() == "1.2.3"


@pytest.mark.usefixtures("checkout", "installed")
def test_without_git_it_is_the_version(monkeypatch):
    monkeypatch.setenv("PATH", "")
    assert provenance.code_revision() == "1.2.3"


@pytest.mark.usefixtures("checkout")
def test_without_git_and_installation_it_is_unknown(monkeypatch):
    def missing(name):
        raise metadata.PackageNotFoundError(name)

    monkeypatch.setenv("PATH", "")
    monkeypatch.setattr(metadata, "version", missing)
    assert provenance.code_revision() == "unknown"


def test_the_lock_is_its_digest_or_that_of_what_is_installed(checkout):
    installed = provenance.lock_digest()
    assert re.fullmatch("[0-9a-f]{64}", installed)
    (checkout / "requirements.lock").write_text("numpy==1\n")
    assert provenance.lock_digest() == hashlib.sha256(b"numpy==1\n").hexdigest()
