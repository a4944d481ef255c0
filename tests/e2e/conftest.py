"""One stack for the whole suite: the real build and deploy on the local AWS under IAM enforcement, Twilio simulated."""

from collections.abc import Iterator

import pytest

from callscribe_tools.local_callscribe import LocalCallscribe, running
from callscribe_tools.simulator import Scenario, load_scenario
from callscribe_tools.soak import run
from e2e.stack import without_chance


@pytest.fixture(scope="session")
def local(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalCallscribe]:
    work_dir = tmp_path_factory.mktemp("local-aws")
    parameters = {"StoreUnredacted": "true", "CustomerManagedKey": "true"}
    with running(work_dir, print, parameters=parameters, transcript_seconds=0.5) as local:
        yield without_chance(local)


@pytest.fixture(scope="session")
def soak_stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalCallscribe]:
    """The stack of the soak, for what takes minutes on any other."""
    with run.soak_stack(tmp_path_factory.mktemp("soak"), print) as local:
        yield without_chance(local)


@pytest.fixture
def scenario() -> Scenario:
    return load_scenario("cannot_log_in")
