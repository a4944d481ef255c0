"""A function under the official runtime client: what is measured of it, and what is refused to be."""

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from callscribe_tools.bench.artifacts import RUNTIME_CLIENT, copy_runtime
from callscribe_tools.bench.errors import BenchError
from callscribe_tools.bench.process import Program, run
from callscribe_tools.bench.runtime_api import RuntimeApi, serving_runtime_api

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="reads CPU and memory from /proc")

SLOW_TO_IMPORT = "import time\ntime.sleep(0.3)\ndef handler(event, context):\n    return {'statusCode': 200}\n"
BUSY = """import time
while time.process_time() < 0.5: pass
def handler(event, context):
    until = time.process_time() + 0.05
    while time.process_time() < until: pass
    return {'statusCode': 200}
"""


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return copy_runtime(RUNTIME_CLIENT, tmp_path_factory.mktemp("runtime") / "client")


@pytest.fixture(scope="module")
def api() -> Iterator[RuntimeApi]:
    with serving_runtime_api() as api:
        yield api


@pytest.fixture
def program(client: Path, tmp_path: Path) -> Any:
    def make(source: str, **changes: Any) -> Program:
        (tmp_path / "handler.py").write_text(source)
        return Program(
            **{
                "name": "tried",
                "code": tmp_path,
                "python_path": [client],
                "environment": {"TOLD": "so"},
                "memory_mb": 256,
                "event": dict,
                **changes,
            }
        )

    return make


def test_a_cold_start_ends_with_the_first_answer_and_tells_how_much_was_importing(
    program: Any, api: RuntimeApi
) -> None:
    taken = run(program(SLOW_TO_IMPORT), api)
    assert taken.first_answer > taken.initialised > 0.3
    assert taken.warm == []


def test_later_invocations_are_measured_one_by_one_with_their_cpu(program: Any, api: RuntimeApi) -> None:
    taken = run(program(BUSY), api, invocations=4)
    assert len(taken.warm) == 3
    assert min(taken.warm) > 0.05
    # Without the half second that importing takes.
    assert 0.15 <= taken.warm_cpu < 0.5
    # The interpreter alone takes as much.
    assert taken.peak_memory > 5_000_000


def test_a_function_is_invoked_with_its_event_and_has_its_environment_and_no_other(
    program: Any, api: RuntimeApi, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OURS", "alone")
    source = """import os
def handler(event, context):
    assert event == {'number': 7}, event
    assert os.environ['TOLD'] == 'so'
    assert 'OURS' not in os.environ
    assert context.get_remaining_time_in_millis() > 1000
    return {'statusCode': 200}
"""
    run(program(source, event=lambda: {"number": 7}), api)


def test_a_function_sees_no_package_of_this_environment(program: Any, api: RuntimeApi) -> None:
    with pytest.raises(BenchError, match="No module named 'pydantic'"):
        run(program("import pydantic\n" + SLOW_TO_IMPORT), api)
    run(program("import sys\nassert sys.flags.no_site and sys.flags.no_user_site\n" + SLOW_TO_IMPORT), api)


def test_everything_is_made_ready_before_each_invocation(program: Any, api: RuntimeApi) -> None:
    made: list[str] = []
    run(program(SLOW_TO_IMPORT, prepare=lambda: made.append("ready")), api, invocations=3)
    assert made == ["ready"] * 3


@pytest.mark.parametrize(
    ("answer", "told"),
    [
        ("{'statusCode': 503}", "503"),
        ("{'batchItemFailures': [{'itemIdentifier': 'x'}]}", "batchItemFailures"),
        ("1 / 0", "ZeroDivisionError"),
    ],
)
def test_what_is_no_success_is_not_measured(program: Any, api: RuntimeApi, answer: str, told: str) -> None:
    source = f"def handler(event, context):\n    print('said so')\n    return {answer}\n"
    with pytest.raises(BenchError, match=told) as caught:
        run(program(source), api)
    assert "said so" in str(caught.value)


def test_what_only_seems_a_success_is_not_measured(program: Any, api: RuntimeApi) -> None:
    def check() -> None:
        raise BenchError("it gave up on its message")

    with pytest.raises(BenchError, match="gave up"):
        run(program(SLOW_TO_IMPORT, check=check), api)
