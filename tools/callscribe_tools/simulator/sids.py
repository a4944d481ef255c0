"""Fictional SIDs: two letters and 32 lower-case hexadecimal digits."""

import uuid


def new_sid(prefix: str) -> str:
    """Make a SID nobody has, as `CA` + 32 digits."""
    return prefix + uuid.uuid4().hex
