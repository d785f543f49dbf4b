"""Which pages of the reference are made of the code, as a whole or in part."""

import re
from collections.abc import Callable
from pathlib import Path

from cli.reference.commands import commands_page
from cli.reference.gateway_calls import gateway_page
from cli.reference.ledger_tables import kinds_section, tables_section
from cli.reference.project_file import project_page
from sixgates.gates.errors import ConfigurationError

_NOTE = (
    "<!-- Made of the code by `python -m cli.reference`: change the code, and write it anew. -->"
)

WHOLE: dict[str, Callable[[], str]] = {
    "docs/reference/commands.md": commands_page,
    "docs/reference/project-file.md": project_page,
    "docs/reference/gateway-calls.md": gateway_page,
}
"""Pages without a line written by hand."""
SECTIONS: dict[str, dict[str, Callable[[], str]]] = {
    "docs/reference/ledger.md": {"tables": tables_section, "kinds": kinds_section},
}
"""Sections of other pages, by the name between their marks."""
PAGES = (*WHOLE, *SECTIONS)


def page_text(path: str, file: Path) -> str:
    """Return what a page should hold now.

    Args:
        path: One of `PAGES`.
        file: Where it is, with what was written by hand around its sections.

    Raises:
        ConfigurationError: the marks of a section are not there.
    """
    if path in WHOLE:
        return f"{_NOTE}\n\n{WHOLE[path]()}\n"
    text = file.read_text(encoding="utf-8")
    for name, section in SECTIONS[path].items():
        text = _replaced(text, name, section(), path)
    return text


def _replaced(text: str, name: str, section: str, path: str) -> str:
    begin, end = f"<!-- {name}: made of the code by `python -m cli.reference` -->", "<!-- end -->"
    found = re.compile(f"{re.escape(begin)}.*?{re.escape(end)}", re.DOTALL)
    if len(found.findall(text)) != 1:
        raise ConfigurationError(f"{path} has no section {begin} … {end}: put it back")
    return found.sub(lambda _: f"{begin}\n\n{section}\n\n{end}", text)
