"""docs/cli.md says what --help says."""

from callscribe_tools.operator.cli_docs import PAGE, page


def test_the_page_of_the_command_line_is_as_help_says() -> None:
    assert PAGE.read_text("utf-8") == page(), "run `make docs`"
