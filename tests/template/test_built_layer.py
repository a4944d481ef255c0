"""The layer as `sam build` makes it: what is shipped for arm64, and its twin for this machine."""

import ast
import json
import os
import struct
import subprocess
import sys
from importlib.util import MAGIC_NUMBER, find_spec
from pathlib import Path

import pytest

from callscribe_tools.bench.artifacts import Built
from callscribe_tools.local_aws import BuildError, build
from callscribe_tools.local_aws.access import Access
from callscribe_tools.local_aws.sam import run_sam
from harness.template import REPOSITORY, function_names, logical_id

# What the Lambda runtime brings, so that the layer need not.
RUNTIME = ("boto3", "botocore", "s3transfer", "jmespath", "dateutil", "six", "urllib3")
MOST_BYTES = 8_000_000
# PEP 552: bit 0 says that the file is checked by hash and not by date, bit 1 that the check is made at import.
UNCHECKED_HASH = 0b01


@pytest.fixture(scope="module")
def host_build(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build(print, build_dir=tmp_path_factory.mktemp("host") / "build").parent


@pytest.fixture(scope="module")
def arm64_build(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What `sam build` makes when nobody tells it otherwise."""
    folder = tmp_path_factory.mktemp("arm64")
    run_sam(
        ["build", "--template", str(REPOSITORY / "template.yaml"), "--build-dir", str(folder / "build"), "--no-cached"],
        environment=Access("http://127.0.0.1:9").environment,
        log=folder / "build.log",
        seconds=300,
        failure=BuildError,
    )
    return folder / "build"


def shared_objects(folder: Path) -> set[str]:
    return {file.name.split(".", 1)[1] for file in folder.rglob("*.so") if "cpython" in file.name}


def test_the_layer_is_built_for_arm64_unless_told_otherwise(arm64_build: Path) -> None:
    assert shared_objects(arm64_build / "CallscribeLayer") == {"cpython-313-aarch64-linux-gnu.so"}


def test_the_same_recipe_builds_a_layer_for_this_machine(host_build: Path, arm64_build: Path) -> None:
    def sources(folder: Path) -> set[str]:
        return {
            str(file.relative_to(folder))
            for file in (folder / "CallscribeLayer").rglob("*.py")
            if ".dist-info" not in str(file)
        }

    assert sources(host_build) == sources(arm64_build)


def test_every_module_of_the_layer_has_bytecode_that_no_date_makes_stale(arm64_build: Path) -> None:
    layer = arm64_build / "CallscribeLayer" / "python"
    modules = [file for file in layer.rglob("*.py") if file.parent.name != "bin"]
    assert modules
    for module in modules:
        bytecode = module.parent / "__pycache__" / f"{module.stem}.cpython-313.pyc"
        magic, flags = bytecode.read_bytes()[:4], struct.unpack("<I", bytecode.read_bytes()[4:8])[0]
        assert magic == MAGIC_NUMBER
        assert flags == UNCHECKED_HASH, module


def test_the_layer_does_not_tell_where_it_was_built(arm64_build: Path) -> None:
    # Otherwise the same sources, built elsewhere, would be another version of the layer.
    bytecode = list((arm64_build / "CallscribeLayer").rglob("*.pyc"))
    assert bytecode
    assert [file for file in bytecode if b"/opt/python/" not in file.read_bytes()] == []


def test_the_layer_leaves_boto3_to_the_runtime(arm64_build: Path) -> None:
    layer = arm64_build / "CallscribeLayer" / "python"
    assert not {"boto3", "botocore"} & {folder.name for folder in layer.iterdir()}


def test_the_layer_is_at_most_8_megabytes_when_it_is_uploaded(arm64_build: Path) -> None:
    assert Built.read(arm64_build / "template.yaml").sizes()["layer"].zipped <= MOST_BYTES


@pytest.fixture(scope="module")
def runtime(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with what the Lambda runtime brings, and nothing else of this environment."""
    folder = tmp_path_factory.mktemp("runtime")
    for name in RUNTIME:
        spec = find_spec(name)
        assert spec
        assert spec.origin
        origin = Path(spec.origin)
        source = origin.parent if origin.name == "__init__.py" else origin
        (folder / source.name).symlink_to(source)
    return folder


@pytest.mark.parametrize("name", function_names())
def test_a_handler_imports_with_the_built_layer_and_the_runtime_alone(
    name: str, host_build: Path, runtime: Path
) -> None:
    code, layer = host_build / logical_id(name), host_build / "CallscribeLayer" / "python"
    program = f"import sys; sys.path += {[str(code), str(layer), str(runtime)]!r}; import handler; handler.handler"
    # No environment: a handler is imported before anyone has told it where its table is.
    outcome = subprocess.run(
        [sys.executable, "-I", "-S", "-c", program], env={}, capture_output=True, text=True, check=False
    )
    assert outcome.returncode == 0, outcome.stderr


def of_the_client(source: str) -> set[str]:
    """What a module asks of `self._client`, as `intelligence.v2.transcripts`: up to the first call or argument."""
    attributes = [node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Attribute)]
    chains = {
        ast.unparse(node).removeprefix("self._client.") for node in attributes if "self._client." in ast.unparse(node)
    }
    return {chain for chain in chains if all(name.isidentifier() for name in chain.split("."))}


def test_what_the_code_uses_of_twilios_sdk_is_in_the_layer(host_build: Path, runtime: Path) -> None:
    # The SDK imports a product only when the client is asked for it: without this, a caller would be the first to see
    # that it has been left out.
    layer = host_build / "CallscribeLayer" / "python"
    used = of_the_client((layer / "callscribe" / "adapters" / "twilio_api.py").read_text())
    assert used
    program = (
        f"import sys; sys.path += {[str(layer), str(runtime)]!r}\n"
        "from operator import attrgetter\n"
        "from twilio.rest import Client\n"
        "client = Client('AC' + 'a' * 32, 'secret')\n"
        f"for name in {sorted(used)!r}: attrgetter(name)(client)"
    )
    outcome = subprocess.run(
        [sys.executable, "-I", "-S", "-c", program], env={}, capture_output=True, text=True, check=False
    )
    assert outcome.returncode == 0, outcome.stderr


def test_the_use_of_a_product_that_was_left_out_would_be_seen() -> None:
    source = "class A:\n    def b(self): self._client.messaging.v1.services('x').fetch(); self._client.calls.list()"
    assert of_the_client(source) >= {"messaging.v1.services", "calls.list"}


def test_the_caller_does_not_wait_for_imports_that_answering_does_not_need(host_build: Path, runtime: Path) -> None:
    layer = host_build / "CallscribeLayer" / "python"
    program = (
        f"import json, sys; sys.path += {[str(host_build / 'IncomingCallFunction'), str(layer), str(runtime)]!r}; "
        "import handler; print(json.dumps(sorted(sys.modules)))"
    )
    printed = subprocess.run(
        [sys.executable, "-I", "-S", "-c", program], env=dict(os.environ), capture_output=True, text=True, check=True
    ).stdout
    # Powertools imports the bare package botocore, which imports nothing itself.
    heavy = {"aiohttp", "aws_xray_sdk", "boto3", "botocore.session", "pydantic", "requests", "twilio.rest", "urllib3"}
    assert heavy & set(json.loads(printed)) == set()
