"""The exceptions of a library, all that are known to the interpreter."""


def subclasses[E: Exception](library: str, base: type[E]) -> dict[str, type[E]]:
    """A library's exceptions from `base` on, by the library and their name. Those of other packages are left out."""
    found = {base}
    while more := {sub for one in found for sub in one.__subclasses__()} - found:
        found |= more
    return {f"{library}.{one.__name__}": one for one in found if one.__module__.partition(".")[0] == library}
