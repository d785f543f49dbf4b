"""Write the reference anew: `python -m cli.reference`, at the root of a clone."""

from pathlib import Path

from cli.reference.pages import PAGES, page_text

for path in PAGES:
    Path(path).write_text(page_text(path, Path(path)), encoding="utf-8")
