"""What keeps the bench from measuring. Raised everywhere in it, told by its command line."""


class BenchError(Exception):
    """Something could not be measured. The message says what, and what to do."""
