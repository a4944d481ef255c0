"""What the pages name exists."""

import ast
import re
from pathlib import Path

import pytest

from harness.template import REPOSITORY

NAMED = re.compile(r"`(tests/[\w/]+\.py)::(\w+)`")
LINK = re.compile(r"\]\((?!https?:)([^)#]+)(?:#[\w-]+)?\)")
PAGES = [REPOSITORY / "README.md", *sorted((REPOSITORY / "docs").rglob("*.md"))]


def names_in(file: Path) -> set[str]:
    return {node.name for node in ast.parse(file.read_text()).body if isinstance(node, ast.FunctionDef)}


def test_each_threat_has_a_test_that_exists() -> None:
    named = NAMED.findall((REPOSITORY / "docs" / "threat-model.md").read_text())
    assert len(named) > 8
    assert [f"{file}::{name}" for file, name in named if name not in names_in(REPOSITORY / file)] == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_a_link_between_pages_leads_somewhere(page: Path) -> None:
    assert [link for link in LINK.findall(page.read_text()) if not (page.parent / link).exists()] == []
