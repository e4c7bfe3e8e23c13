"""Another name for a variable, in the texts that read it."""

import re

_STRING = r"'(?:\\.|[^'\\])*'|\"(?:\\.|[^\"\\])*\""
_PART = re.compile(rf"\{{#.*?#\}}|\{{\{{(?:{_STRING}|.)*?\}}\}}|\{{%(?:{_STRING}|.)*?%\}}", re.DOTALL)
_WORD = re.compile(
    rf"{_STRING}|(?P<not_ours>[.|]\s*|\bis\s+(?:not\s+)?)?(?<![\w.])(?P<name>[A-Za-z_]\w*)(?P<keyword>\s*=(?!=))?|\d[\w.]*",
    re.DOTALL,
)


def renamed_in_text(text: str, old: str, new: str) -> str:
    """The text with the variable `old` called `new` inside of {{ }}; fields, filters and words that only look alike stay."""
    return _PART.sub(lambda part: part[0] if part[0].startswith("{#") else renamed_in_expression(part[0], old, new), text)


def renamed_in_expression(source: str, old: str, new: str) -> str:
    """The bare expression with the variable `old` called `new`."""

    def word(found: re.Match[str]) -> str:
        if found["name"] != old or found["not_ours"] or found["keyword"]:
            return found[0]
        return new

    return _WORD.sub(word, source)


def renamed_in_path(path: str, old: str, new: str) -> str:
    """The dotted path with its first name changed when that is `old`: `order.date` becomes `purchase.date`."""
    first, dot, rest = path.partition(".")
    return f"{new}{dot}{rest}" if first.strip() == old else path
