"""Image, compose file and manifests, which no engine runs here: linted, checked by schema."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[2]
KUBERNETES = sorted((ROOT / "deploy" / "kubernetes").glob("*.yaml"))
COMPOSE = yaml.safe_load((ROOT / "compose.yaml").read_text())


def program(name):
    return shutil.which(name, path=str(Path(sys.executable).parent))


def said(*command):
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    return done.returncode, done.stdout + done.stderr


def test_the_image_keeps_the_rules_of_a_linter():
    hadolint = program("hadolint")
    if hadolint is None:
        pytest.skip("hadolint comes as a package for Linux alone")
    assert said(hadolint, "Dockerfile") == (0, "")


def test_the_compose_file_is_one():
    check = [program("check-jsonschema"), "--builtin-schema", "vendor.compose-spec"]
    assert said(*check, "compose.yaml")[0] == 0


def test_a_command_of_the_guide_reaches_the_program_that_it_is_of():
    guide = (ROOT / "docs" / "how-to" / "containers.md").read_text()
    commands = re.findall(
        r"^docker compose run --rm (?:--entrypoint (\w+) )?(\w+)", guide, re.MULTILINE
    )
    assert commands
    for entrypoint, service in commands:
        assert (entrypoint or COMPOSE["services"][service].get("entrypoint")) == "sixgates"


@pytest.mark.parametrize("file", KUBERNETES, ids=lambda file: file.stem)
def test_the_manifests_are_of_kubernetes(file):
    code, text = said(program("kubernetes-validate"), "--strict", "-k", "1.34", str(file))
    assert code == 0, text


def test_there_are_manifests():
    assert len(KUBERNETES) == 5


def documents():
    return [d for file in KUBERNETES for d in yaml.safe_load_all(file.read_text())]


def containers():
    for document in documents():
        pod = document.get("spec", {}).get("template", {}).get("spec", {})
        for container in pod.get("containers", []):
            yield pod, container


def test_no_container_runs_as_root_or_without_a_limit_of_memory():
    found = list(containers())
    assert len(found) == 7  # gateway, Prefect, MLflow, worker, deploy, two of Dask
    for pod, container in found:
        assert pod["securityContext"]["runAsNonRoot"] is True
        assert container["securityContext"]["capabilities"] == {"drop": ["ALL"]}
        assert "memory" in container["resources"]["limits"]


def test_every_service_leads_to_pods_that_there_are():
    pods = [
        d["spec"]["template"]["metadata"]["labels"]
        for d in documents()
        if d["kind"] == "Deployment"
    ]
    services = [d for d in documents() if d["kind"] == "Service"]
    assert all(d["spec"]["selector"] in pods for d in services)
    assert {d["metadata"]["name"] for d in services} == {"gateway", "prefect", "mlflow", "dask"}


def test_no_secret_lies_in_a_file_and_nothing_listens_beyond_this_machine():
    texts = [(ROOT / "compose.yaml").read_text(), *(file.read_text() for file in KUBERNETES)]
    for text in texts:
        for line in text.splitlines():
            if "PASSWORD:" in line or "TOKEN:" in line or "SECRET" in line.partition(":")[0]:
                assert "${" in line or "secretKeyRef" in line or line.strip().startswith("#"), line
    published = [p for service in COMPOSE["services"].values() for p in service.get("ports", [])]
    assert published == ["127.0.0.1:8080:80"]


@pytest.mark.parametrize("lock", ["requirements.lock", "requirements.runtime.lock"])
def test_a_lock_names_no_host(lock):
    assert "http" not in [line.split(":")[0] for line in (ROOT / lock).read_text().splitlines()]
    assert "--index-url" not in (ROOT / lock).read_text()


def test_what_the_image_has_is_what_was_tested():
    def pins(name):
        lines = (ROOT / name).read_text().splitlines()
        return {line.split(" ")[0] for line in lines if "==" in line.split(" ")[0]}

    shipped, tested = pins("requirements.runtime.lock"), pins("requirements.lock")
    assert {pin.split("[")[0].split("=")[0] for pin in shipped - tested} <= {"hatchling", "mlflow"}
    names = {pin.split("=")[0] for pin in shipped}
    assert "lightgbm" in names
    assert not names & {"pytest", "ruff", "mypy", "playwright", "hypothesis"}
