"""Tables and sentences in Markdown."""

import ast
import inspect
import re
from collections.abc import Iterable, Sequence
from textwrap import fill
from types import ModuleType

_WIDTH = 118


def table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return a table; what would end a cell, or begin HTML, is escaped."""
    lines = [" | ".join(_cell(cell) for cell in row) for row in (heads, *rows)]
    return "\n".join(
        [f"| {lines[0]} |", "|" + "---|" * len(heads), *(f"| {r} |" for r in lines[1:])]
    )


def paragraph(text: str) -> str:
    """Return text in lines."""
    return fill(" ".join(text.split()), _WIDTH, break_long_words=False, break_on_hyphens=False)


def code(text: str) -> str:
    """Return text as code; nothing where there is none."""
    return f"`{text}`" if text else ""


def sentence(text: str) -> str:
    """Return a docstring as one line without its full stop where it is a single sentence."""
    line = " ".join(text.split())
    return line.removesuffix(".") if ". " not in line else line


def said_of(owner: type | ModuleType) -> dict[str, str]:
    """Return the docstrings below the attributes of a class or a module, by attribute."""
    tree: ast.Module | ast.ClassDef = ast.parse(inspect.getsource(owner))
    if isinstance(owner, type) and isinstance(tree.body[0], ast.ClassDef):
        tree = tree.body[0]
    found = {}
    for node, after in zip(tree.body, tree.body[1:], strict=False):
        target = node.targets[0] if isinstance(node, ast.Assign) else None
        text = after.value if isinstance(after, ast.Expr) else None
        if isinstance(target, ast.Name) and isinstance(text, ast.Constant):
            found[target.id] = str(text.value)
    return found


def _cell(text: str) -> str:
    line = " ".join(text.split()).replace("|", "\\|")
    parts = re.split(r"(`[^`]*`)", line)  # a "<" outside of code would begin HTML
    return "".join(p if p.startswith("`") else re.sub(r"<(?=\w)", r"\<", p) for p in parts)
