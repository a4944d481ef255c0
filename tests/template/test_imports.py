"""Who may import whom, where import-linter does not see it: handlers are no package, twilio has parts of two kinds."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from harness.template import REPOSITORY, function_names

PACKAGE = REPOSITORY / "layers/callscribe/src/callscribe"
WITHOUT_LAYER = {"voice_fallback"}
HANDLERS = [REPOSITORY / "functions" / name / "handler.py" for name in function_names()]


def imports(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield str(node.module)


@pytest.mark.parametrize("handler", HANDLERS, ids=lambda path: path.parent.name)
def test_a_handler_imports_only_the_shared_package(handler: Path) -> None:
    allowed: tuple[str, ...] = (
        "callscribe.adapters.",
        "callscribe.domain.",
        "callscribe.edge.",
        "callscribe.usecases.",
    )
    if handler.parent.name in WITHOUT_LAYER:
        allowed = ("collections.abc", "typing")
    assert [name for name in imports(handler) if not name.startswith(allowed)] == []


@pytest.mark.parametrize("handler", HANDLERS, ids=lambda path: path.parent.name)
def test_a_handler_reads_no_environment(handler: Path) -> None:
    assert "environ" not in handler.read_text()


@pytest.mark.parametrize("path", sorted(PACKAGE.rglob("*.py")), ids=lambda path: str(path.relative_to(PACKAGE)))
def test_only_adapters_talk_to_twilio(path: Path) -> None:
    rest = [name for name in imports(path) if name.startswith(("twilio.rest", "twilio.http", "twilio.base"))]
    assert rest == [] or path.parent.name == "adapters"
