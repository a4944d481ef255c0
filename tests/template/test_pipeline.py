"""The pipeline deploys one build to every environment, one after the other, by a role that nobody else may take."""

import re
from typing import Any

import pytest
import yaml

from harness.template import REPOSITORY

FOLDER = REPOSITORY / ".github" / "workflows"
WORKFLOWS = sorted(file.name for file in FOLDER.glob("*.yml"))
ENVIRONMENTS = ["dev", "staging", "prod"]


def workflow(name: str) -> dict[str, Any]:
    # BaseLoader, since YAML would take `on` for true.
    loaded: dict[str, Any] = yaml.load((FOLDER / name).read_text(), yaml.BaseLoader)  # noqa: S506 (makes text only)
    return loaded


def steps(name: str) -> list[dict[str, Any]]:
    return [step for job in workflow(name)["jobs"].values() for step in job.get("steps", [])]


@pytest.mark.parametrize("name", WORKFLOWS)
def test_whatever_is_used_of_others_is_named_by_its_commit(name: str) -> None:
    used = [step["uses"] for step in steps(name) if "uses" in step]
    assert [one for one in used if not re.fullmatch(r"[\w-]+/[\w-]+@[0-9a-f]{40}", one)] == []


@pytest.mark.parametrize("name", WORKFLOWS)
def test_a_workflow_may_read_and_nothing_else_unless_it_deploys(name: str) -> None:
    deploys = {"contents": "read", "id-token": "write"}
    expected = deploys if name == "deploy.yml" else {"contents": "read"}
    assert workflow(name)["permissions"] == expected
    for job, one in workflow(name)["jobs"].items():
        assert one.get("permissions", expected) == (deploys if job in ENVIRONMENTS else expected)


@pytest.mark.parametrize("name", WORKFLOWS)
def test_no_expression_stands_in_a_command(name: str) -> None:
    # What a branch is called would be run.
    assert [step["run"] for step in steps(name) if "${{" in step.get("run", "")] == []


def test_every_environment_comes_after_the_one_before_and_all_after_the_checks() -> None:
    jobs = workflow("release.yml")["jobs"]
    needs = {name: one.get("needs") for name, one in jobs.items()}
    assert needs == {
        "check": None,
        "audit": None,
        "build": ["check", "audit"],
        "dev": "build",
        "staging": "dev",
        "prod": "staging",
    }
    assert [jobs[name]["with"]["environment"] for name in ENVIRONMENTS] == ENVIRONMENTS


def test_nothing_is_built_for_one_environment() -> None:
    commands = [step.get("run", "") for step in steps("deploy.yml")]
    assert [one for one in commands if "sam build" in one] == []
    (built,) = [step for step in steps("release.yml") if "upload-artifact" in step.get("uses", "")]
    (taken,) = [step for step in steps("deploy.yml") if "download-artifact" in step.get("uses", "")]
    assert (built["with"]["name"], built["with"]["path"]) == (taken["with"]["name"], taken["with"]["path"])


def test_doctor_looks_after_each_deployment() -> None:
    deployed, looked = [step.get("run", "") for step in steps("deploy.yml")][-2:]
    assert deployed.startswith('.venv/bin/sam deploy --config-env "$ENVIRONMENT"')
    assert looked == '.venv/bin/callscribe doctor --env "$ENVIRONMENT" --wiring'


def test_two_deployments_of_an_environment_never_overlap() -> None:
    (job,) = workflow("deploy.yml")["jobs"].values()
    assert job["environment"] == "${{ inputs.environment }}"
    for concurrency in (job["concurrency"], workflow("release.yml")["concurrency"]):
        assert concurrency["cancel-in-progress"] == "false"
    assert job["concurrency"]["group"] == "deploy-${{ inputs.environment }}"


def test_a_change_is_checked_by_what_the_readme_says() -> None:
    assert "pull_request" in workflow("check.yml")["on"]
    assert [step["run"] for step in steps("check.yml") if "run" in step] == ["make check", "make test"]


def test_what_is_locked_is_audited_every_day_and_before_a_release() -> None:
    assert workflow("audit.yml")["on"]["schedule"]
    assert workflow("release.yml")["jobs"]["audit"]["uses"].endswith("/audit.yml")
