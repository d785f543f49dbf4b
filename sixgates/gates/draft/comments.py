"""Comments of the draft, and text of the data in it: a column may bear any name."""

from collections.abc import Iterator
from datetime import timedelta

MARK = "# review:"
"""What every guess bears."""
WIDTH = 100


def quoted(text: str) -> str:
    r"""Return a Python string literal in double quotes.

    >>> print(quoted('a "b"'))
    "a \"b\""
    """
    # With a double quote at its end, `repr` puts single ones around it: these are undone here.
    inner = repr(f'{text}"')[1:-2].replace("\\'", "'").replace('"', r"\"")
    return f'"{inner}"'


def one_line(text: str) -> str:
    r"""Return text for a comment: nothing in it may end the line.

    >>> one_line("a\nimport os")
    'a import os'
    """
    return "".join(c if c.isprintable() else "?" for c in " ".join(text.split()))


def review(text: str, indent: str = "") -> Iterator[str]:
    """Yield a guess as a comment; a sentence without its end gets one."""
    yield from comment(text if text.endswith("?") else f"{text}.", indent, MARK)


def comment(text: str, indent: str = "", mark: str = "#") -> Iterator[str]:
    """Yield a comment, in as many lines as it needs."""
    line = f"{indent}{mark}"
    for word in one_line(text).split(" "):
        if len(line) + 1 + len(word) > WIDTH and not line.endswith("#"):
            yield line
            line = f"{indent}#"
        line += f" {word}"
    yield line


def duration(time: timedelta) -> str:
    """Return a whole number of days, hours, minutes or seconds as Python.

    >>> duration(timedelta(hours=36)), duration(timedelta(days=7))
    ('timedelta(hours=36)', 'timedelta(days=7)')
    """
    units = {"days": 86_400, "hours": 3_600, "minutes": 60}
    seconds = int(time.total_seconds())
    name = next((n for n, size in units.items() if seconds % size == 0), "seconds")
    return f"timedelta({name}={seconds // units.get(name, 1)})"
