"""One stack for the whole suite: the real build and deploy on the local AWS under IAM enforcement, Twilio simulated."""

from collections.abc import Iterator

import pytest

from callscribe_tools.local_callscribe import LocalCallscribe, running
from callscribe_tools.simulator import Scenario, load_scenario
from callscribe_tools.soak.plan import LIST_FAULTS_EVERY, PARAMETERS


@pytest.fixture(scope="session")
def local(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalCallscribe]:
    work_dir = tmp_path_factory.mktemp("local-aws")
    with running(work_dir, print, parameters={"StoreUnredacted": "true"}, transcript_seconds=0.5) as local:
        yield local


@pytest.fixture(scope="session")
def soak_stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalCallscribe]:
    """A stack of its own, whose patience is in seconds, and a Twilio whose lists fail now and then."""
    with running(
        tmp_path_factory.mktemp("soak"),
        print,
        stack_name="callscribe-soak",
        parameters=PARAMETERS,
        list_faults_every=LIST_FAULTS_EVERY,
        settings={"daily_minutes": None},
    ) as local:
        yield local


@pytest.fixture
def scenario() -> Scenario:
    return load_scenario("cannot_log_in")
