"""Phrases that only a library says: none of them may reach a person."""

LIBRARY_WORDS = (
    "Input should be",
    "validation error",
    "Value error,",
    "For further information",
    "Field required",
    "Extra inputs are not permitted",
    "An error occurred (",
    "when calling the",
    "HTTP 4",
    "Unable to create record",
    "Unable to fetch",
    "Traceback",
    "errors.pydantic.dev",
    "Expecting value",
    "Expecting property name",
    "(at line",
    "while parsing",
    "codec can't decode",
    "[Errno",
    "__init__()",
    "keyword argument",
    "botocore",
    "urllib3",
)


def assert_ours(text: str) -> None:
    """Hold a text against the phrases."""
    found = [words for words in LIBRARY_WORDS if words.lower() in text.lower()]
    assert not found, f"{found} in {text}"
