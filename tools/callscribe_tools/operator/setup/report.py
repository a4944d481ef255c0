"""How `callscribe setup` shows changes: grouped by object, with a sign each, and what they mean for callers."""

from collections import Counter
from collections.abc import Iterable, Iterator

from callscribe.adapters.settings import MAX_AGE_SECONDS
from callscribe_tools.operator.setup.changes import Action, Change

LONGEST_VALUE = 60
"""Characters that are shown of a value, such as a prompt; --json has all of it."""

_CONTEXT = 12
"""Characters that are shown before the first difference of two long values."""

_SIGNS = {Action.ADD: "+", Action.CHANGE: "~", Action.REMOVE: "\N{MINUS SIGN}"}
_MINUTES = MAX_AGE_SECONDS // 60


def grouped(changes: Iterable[Change]) -> Iterator[str]:
    """List the changes below the object that they belong to, each with a sign: new, changed or removed."""
    for what, some in _by_object(changes).items():
        own = next((change for change in some if change.is_whole), None)
        words = f"{what}: {_words(own)}" if own else what
        yield f"{_SIGNS[_action_of(some)]} {words}"
        for change in some:
            if not change.is_whole:
                yield f"    {_SIGNS[change.action]} {change.field}: {_words(change)}"


def summarised(changes: Iterable[Change]) -> Iterator[str]:
    """Say in one line an object what was done to it: what became of the whole, and what became of which fields."""
    for what, some in _by_object(changes).items():
        whole = [_shortened(change.should_be or "deleted") for change in some if change.is_whole]
        fields: dict[str, list[str]] = {}
        for change in some:
            if not change.is_whole:
                fields.setdefault(_verb(change), []).append(change.field)
        yield f"{what}: {'; '.join([*whole, *(f'{", ".join(names)} {verb}' for verb, names in fields.items())])}"


def _verb(change: Change) -> str:
    if change.field.startswith("operator "):
        return "attached" if change.should_be else "detached"
    return "written" if change.should_be else "emptied"


def counted(changes: Iterable[Change], *, done: bool) -> str:
    """Count the objects that are added, changed and removed.

    Args:
        done: whether that has happened, or would.
    """
    counts = Counter(_action_of(some) for some in _by_object(changes).values())
    words = ("added", "changed", "removed") if done else ("to add", "to change", "to remove")
    numbers = (counts[action] for action in (Action.ADD, Action.CHANGE, Action.REMOVE))
    return ", ".join(f"{number} {word}" for number, word in zip(numbers, words, strict=True))


def effects(changes: Iterable[Change]) -> Iterator[str]:
    """Say when callers and new calls see what `setup apply` has changed."""
    kinds = {change.what.split()[0] for change in changes}
    if "settings" in kinds:
        yield (
            f"Callers hear the new settings within {_MINUTES} minutes: functions that run keep the settings that they "
            f"have read for up to {_MINUTES} minutes."
        )
    if "number" in kinds:
        yield "Twilio sends new calls to the numbers above to this stack from now on."
    if kinds & {"Service", "operator"}:
        yield "Calls that are transcribed from now on use the Services and operators above. Stored calls stay."


def after_destroying() -> Iterator[str]:
    """Say what callers notice of `setup destroy`, and what is left."""
    yield (
        "Twilio sends no new calls to this stack. Functions that run keep the settings that they have read for up to "
        f"{_MINUTES} minutes."
    )
    yield "The stack, its stored calls and the account's credentials stay."


def _by_object(changes: Iterable[Change]) -> dict[str, list[Change]]:
    objects: dict[str, list[Change]] = {}
    for change in changes:
        objects.setdefault(change.what, []).append(change)
    return objects


def _action_of(changes: Iterable[Change]) -> Action:
    """What happens to an object: what happens to the whole of it, or else it is changed."""
    return next((change.action for change in changes if change.is_whole), Action.CHANGE)


def _words(change: Change) -> str:
    old, new = change.is_.replace("\n", " "), change.should_be.replace("\n", " ")
    if change.action is Action.CHANGE:
        old, new = _shortened_alike(old, new)
        return f"{old} → {new}"
    return _shortened(new or old)


def _shortened(text: str) -> str:
    return text if len(text) <= LONGEST_VALUE or text.startswith("http") else f"{text[: LONGEST_VALUE - 1]}…"


def _shortened_alike(old: str, new: str) -> tuple[str, str]:
    """Shorten two values so that the place where they differ is shown of both."""
    same = next(
        (place for place, (one, other) in enumerate(zip(old, new, strict=False)) if one != other),
        min(len(old), len(new)),
    )
    if same < LONGEST_VALUE - _CONTEXT or old.startswith("http"):
        return _shortened(old), _shortened(new)
    start = same - _CONTEXT
    return f"…{_shortened(old[start:])}", f"…{_shortened(new[start:])}"
