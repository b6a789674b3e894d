"""Values inside tuples, lists, dictionaries and slices, in any nesting."""

from collections.abc import Callable, Iterator
from typing import Any


def parts(value: Any) -> list[Any] | None:
    """The direct parts of a container in their order; None if it is no container."""
    if isinstance(value, (list, tuple)):
        return list(value)
    if isinstance(value, dict):
        return list(value.values())
    if isinstance(value, slice):
        return [value.start, value.stop, value.step]
    return None


def leaves(value: Any) -> Iterator[Any]:
    """What a nested value holds that is no container itself."""
    inner = parts(value)
    if inner is None:
        yield value
        return
    for part in inner:
        yield from leaves(part)


def mapped(function: Callable[[Any], Any], value: Any) -> Any:
    """The same nesting, with the function's result in place of each leaf."""
    if isinstance(value, dict):
        return {key: mapped(function, part) for key, part in value.items()}
    if isinstance(value, (list, tuple)):
        made = [mapped(function, part) for part in value]
        # A named tuple takes its fields one by one. The results of torch's sort and
        # topk have no `_fields` and take one iterable, as a tuple does.
        return type(value)(*made) if hasattr(value, "_fields") else type(value)(made)
    return function(value)
