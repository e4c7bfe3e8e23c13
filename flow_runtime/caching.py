"""Remembering the results of checks by the text they looked at, in bounded memory: a long text is worked out each time."""

from collections.abc import Callable
from functools import lru_cache, wraps
from typing import Concatenate, ParamSpec, TypeVar

LONGEST_KEY = 4096

Result = TypeVar("Result")
Rest = ParamSpec("Rest")


def remembered(maxsize: int) -> Callable[[Callable[Concatenate[str, Rest], Result]], Callable[Concatenate[str, Rest], Result]]:
    """Keep the last results of a function whose first argument is a text and whose others are hashable."""

    def decorate(work: Callable[Concatenate[str, Rest], Result]) -> Callable[Concatenate[str, Rest], Result]:
        kept = lru_cache(maxsize)(work)

        @wraps(work)
        def answer(text: str, /, *args: Rest.args, **options: Rest.kwargs) -> Result:
            if len(text) > LONGEST_KEY:
                return work(text, *args, **options)
            return kept(text, *args, **options)  # type: ignore[arg-type]

        return answer

    return decorate
