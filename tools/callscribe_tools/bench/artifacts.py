"""What is measured: the functions and the layer as `sam build` makes them, and the runtime that Lambda brings.

The runtime is copied out of this environment, which pins it: the official runtime client, and boto3 with all it needs,
precompiled as on Lambda.
"""

import io
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path
from typing import Any

from samcli.yamlhelper import yaml_parse

from callscribe_tools.bench.errors import BenchError

RUNTIME_CLIENT = ("awslambdaric", "simplejson", "snapshot-restore-py")
BOTO3 = ("boto3", "botocore", "s3transfer", "jmespath", "python-dateutil", "six", "urllib3")
_LAYER = "CallscribeLayer"


@dataclass(frozen=True, slots=True)
class Size:
    """Bytes of a package: as it is uploaded, and as it lies on Lambda's disk."""

    zipped: int
    unpacked: int


@dataclass(frozen=True)
class Built:
    """What `sam build` has made in `folder`: the functions are found in its template."""

    folder: Path
    template: Mapping[str, Any]

    @classmethod
    def read(cls, template: Path) -> "Built":
        """Read a built template."""
        return cls(template.parent, dict(yaml_parse(template.read_text("utf-8"))))

    def of_type(self, kind: str) -> dict[str, dict[str, Any]]:
        """The resources of a type, by logical id."""
        return {name: one for name, one in self.template["Resources"].items() if one["Type"] == kind}

    @property
    def functions(self) -> dict[str, dict[str, Any]]:
        """The properties of each function, with those of Globals, by its name: `store_insights`."""
        common = self.template["Globals"]["Function"]
        return {
            _name(logical_id): self._with_globals(common, one["Properties"])
            for logical_id, one in self.of_type("AWS::Serverless::Function").items()
        }

    def _with_globals(self, common: Mapping[str, Any], own: Mapping[str, Any]) -> dict[str, Any]:
        variables = {
            **common.get("Environment", {}).get("Variables", {}),
            **own.get("Environment", {}).get("Variables", {}),
        }
        return {**common, **own, "Environment": {"Variables": variables}}

    def code(self, function: Mapping[str, Any]) -> Path:
        """The folder of a function's code."""
        return self.folder / str(function["CodeUri"])

    @property
    def layer(self) -> Path:
        """The folder of the layer."""
        return self.folder / _LAYER

    def sizes(self) -> dict[str, Size]:
        """The layer and each function."""
        functions = {name: _size(self.code(one)) for name, one in self.functions.items()}
        return {"layer": _size(self.layer), **functions}


def _name(logical_id: str) -> str:
    """store_insights, of StoreInsightsFunction."""
    stem = logical_id.removesuffix("Function")
    return "".join(f"_{letter.lower()}" if letter.isupper() else letter for letter in stem).lstrip("_")


def _size(folder: Path) -> Size:
    files = [file for file in sorted(folder.rglob("*")) if file.is_file()]
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as packed:
        for file in files:
            packed.write(file, file.relative_to(folder))
    return Size(zipped=len(archive.getvalue()), unpacked=sum(file.stat().st_size for file in files))


def copy_runtime(packages: Iterable[str], folder: Path) -> Path:
    """Copy packages of this environment into a folder, precompiled; return it.

    Raises:
        BenchError: one of them is not there.
    """
    folder.mkdir(parents=True)
    for name in packages:
        try:
            files = distribution(name).files or []
        except PackageNotFoundError:
            raise BenchError(f"{name} is not in this environment: run `make setup`") from None
        for file in files:
            if ".." not in file.parts and "__pycache__" not in file.parts:
                (folder / file.parent).mkdir(parents=True, exist_ok=True)
                shutil.copyfile(Path(str(file.locate())), folder / file)
    compile_all = [sys.executable, "-m", "compileall", "-q", "--invalidation-mode", "unchecked-hash", str(folder)]
    subprocess.run(compile_all, check=True)
    return folder
