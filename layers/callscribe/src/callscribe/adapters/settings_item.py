"""The item of SettingsTable: the document of numbers, compressed, in one item of its own table.

`adapters.settings` reads it while a caller waits, and the operator's `setup` writes it.
"""

import zlib

from callscribe.domain.settings import SettingsError

SETTINGS_KEY = "SETTINGS"
"""The partition key, `pk`, of the one item."""
DOCUMENT, VERSION = "document", "version"
"""The attributes: the compressed JSON, and a random text that is another one after each write."""

# DynamoDB takes 400 KB for an item, names included (DynamoDB docs, "Service quotas").
MOST_BYTES = 390 * 1024
# All of it is parsed while a caller waits; see docs/performance.md.
MOST_TEXT_BYTES = 4 * 1024 * 1024


def pack(document: str) -> bytes:
    """Compress a document of numbers.

    Raises:
        SettingsError: it is too large to be stored. The message says by how much.
    """
    text = document.encode()
    packed = zlib.compress(text, 9)
    for size, most, what in (
        (len(text), MOST_TEXT_BYTES, "as text"),
        (len(packed), MOST_BYTES, "compressed"),
    ):
        if size > most:
            raise SettingsError(
                f"the numbers and their texts are too large: {size:,} bytes {what}, and {most:,} can be stored; "
                "shorten texts, or move numbers to another environment"
            )
    return packed


def unpack(packed: bytes) -> str:
    """Decompress what `pack` has made.

    Raises:
        SettingsError: it is something else.
    """
    unzip = zlib.decompressobj()
    try:
        text = unzip.decompress(packed, MOST_TEXT_BYTES).decode()
    except (zlib.error, UnicodeDecodeError):
        text = ""
    if not (text and unzip.eof):
        raise SettingsError("the settings in the table are damaged: write them again by `callscribe setup apply`")
    return text
