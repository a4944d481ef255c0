"""What the bench finds in a built template, and how it sizes packages."""

import io
import zipfile
from pathlib import Path

import pytest

from callscribe_tools.bench.artifacts import Built, Size, copy_runtime
from callscribe_tools.bench.errors import BenchError
from callscribe_tools.bench.events import cases, event

TEMPLATE = """
Globals:
  Function:
    MemorySize: 256
    Environment:
      Variables: {LEVEL: INFO}
Resources:
  CallscribeLayer: {Type: "AWS::Serverless::LayerVersion", Properties: {ContentUri: CallscribeLayer}}
  StoreInsightsFunction:
    Type: AWS::Serverless::Function
    Properties:
      CodeUri: StoreInsightsFunction
      MemorySize: 512
      Layers: [!Ref CallscribeLayer]
      Environment:
        Variables: {TABLE: !Ref Calls}
  PlainFunction: {Type: "AWS::Serverless::Function", Properties: {CodeUri: PlainFunction}}
"""


@pytest.fixture
def built(tmp_path: Path) -> Built:
    (tmp_path / "template.yaml").write_text(TEMPLATE)
    for folder in ("CallscribeLayer/python", "StoreInsightsFunction", "PlainFunction"):
        (tmp_path / folder).mkdir(parents=True)
        (tmp_path / folder / "handler.py").write_text("x = 1\n" * 1000)
    return Built.read(tmp_path / "template.yaml")


def test_functions_are_found_in_the_template_with_what_globals_give_them(built: Built) -> None:
    assert set(built.functions) == {"store_insights", "plain"}
    assert built.functions["store_insights"]["MemorySize"] == 512
    assert built.functions["store_insights"]["Environment"]["Variables"] == {"LEVEL": "INFO", "TABLE": {"Ref": "Calls"}}
    assert built.functions["plain"]["MemorySize"] == 256
    assert "Layers" not in built.functions["plain"]


def test_a_package_has_the_size_of_its_zip_and_of_its_files(built: Built, tmp_path: Path) -> None:
    sizes = built.sizes()
    assert set(sizes) == {"layer", "store_insights", "plain"}
    assert sizes["layer"].unpacked == 6000
    assert sizes["plain"] == Size(zipped=zipped(tmp_path / "PlainFunction"), unpacked=6000)


def zipped(folder: Path) -> int:
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as packed:
        for file in folder.iterdir():
            packed.write(file, file.name)
    return len(archive.getvalue())


def test_the_runtime_is_copied_with_bytecode_that_no_date_makes_stale(tmp_path: Path) -> None:
    folder = copy_runtime(["six"], tmp_path / "copy")
    (bytecode,) = folder.rglob("six.*.pyc")
    assert bytecode.read_bytes()[4:8] == b"\x01\x00\x00\x00"
    assert not list(folder.rglob("boto3"))


def test_a_package_that_is_missing_is_told_with_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(BenchError, match=r"no-such-package.*make setup"):
        copy_runtime(["no-such-package"], tmp_path / "copy")


def test_the_usual_case_of_a_function_comes_first() -> None:
    assert cases("request_transcript")[0] == "completed"
    assert cases("store_insights")[0] == "transcript_available"


def test_a_function_without_events_cannot_be_measured() -> None:
    with pytest.raises(BenchError, match="events/no_such_function"):
        cases("no_such_function")


def test_a_message_has_only_just_been_sent() -> None:
    sent = event("request_transcript", "completed", body="said")["Records"][0]
    assert int(sent["attributes"]["SentTimestamp"]) > 1_700_000_000_000
    assert sent["body"] == "said"
