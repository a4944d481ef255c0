"""Everything the functions need to run: AWS, Twilio, the runtime, and each function as a program of these."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from callscribe_tools.bench.artifacts import BOTO3, RUNTIME_CLIENT, Built, copy_runtime
from callscribe_tools.bench.aws import Aws, serving_aws
from callscribe_tools.bench.errors import BenchError
from callscribe_tools.bench.events import cases, event
from callscribe_tools.bench.process import Program
from callscribe_tools.bench.runtime_api import RuntimeApi, serving_runtime_api
from callscribe_tools.bench.twilio import Twilio, is_of_a_transcript, serving_twilio

BARE = "bare handler"
IMPORTS = "boto3 and twilio.rest imported"
_PROGRAMS = Path(__file__).parent / "programs"


@dataclass(frozen=True)
class Stand:
    """The stand on which functions are measured."""

    built: Built
    aws: Aws
    twilio: Twilio
    api: RuntimeApi
    boto3: Path
    client: Path

    def programs(self) -> list[Program]:
        """What is measured: the two it is compared with, then every function of the template."""
        return [self._base(BARE, "bare"), self._base(IMPORTS, "imports"), *map(self.program, self.built.functions)]

    def program(self, function: str) -> Program:
        """A function with its usual event; before each the table is empty, and Twilio has a call of one sentence."""

        def prepare() -> None:
            self.aws.empty()
            self.twilio.begin(sentences=1, transcribed=is_of_a_transcript(function))

        return replace(self.at_hand(function, cases(function)[0]), prepare=prepare)

    def at_hand(self, function: str, case: str, body: str | None = None) -> Program:
        """A function with one event, on what is there."""
        properties = self.built.functions[function]
        layer = [self.built.layer / "python"] if properties.get("Layers") else []

        return Program(
            name=function,
            code=self.built.code(properties),
            python_path=[*layer, self.boto3, self.client],
            environment=self.aws.environment(properties),
            memory_mb=int(properties["MemorySize"]),
            event=lambda: event(function, case, body=body),
            check=self.check,
        )

    def check(self) -> None:
        """Make sure that the functions have done what they were asked for.

        Raises:
            BenchError: one has put its message to the dead letters.
        """
        if reasons := self.aws.dead_letters():
            raise BenchError(f"a message has become a dead letter: {reasons[0]}")

    def _base(self, name: str, folder: str) -> Program:
        return Program(
            name=name,
            code=_PROGRAMS / folder,
            python_path=[self.built.layer / "python", self.boto3, self.client],
            environment={},
            memory_mb=256,
            event=dict,
        )


@contextmanager
def stand(built: Built, folder: Path) -> Iterator[Stand]:
    """Make everything, in a folder that must not exist yet, until the context ends."""
    boto3 = copy_runtime(BOTO3, folder / "boto3")
    client = copy_runtime(RUNTIME_CLIENT, folder / "client")
    with ExitStack() as services:
        aws = services.enter_context(serving_aws(built))
        twilio, url = services.enter_context(serving_twilio())
        aws.write_settings(twilio.settings(url))
        yield Stand(built, aws, twilio, services.enter_context(serving_runtime_api()), boto3, client)
