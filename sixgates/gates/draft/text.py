"""The draft as Python, every guess marked for whoever knows the data."""

from collections.abc import Iterator
from glob import has_magic

from sixgates.gates.draft.comments import MARK, comment, duration, quoted, review
from sixgates.gates.draft.contract_text import contract_text
from sixgates.gates.draft.draft import Draft
from sixgates.gates.draft.roles_text import roles_text
from sixgates.gates.project import LossName

_IN = " " * 4


def text_of(draft: Draft, source: str, path: str) -> str:
    """Return the project file.

    Args:
        draft: What to write.
        source: Name of the data's file, for a sentence.
        path: The data's file, absolute: the project reads it itself where columns are converted.
    """
    lines = [
        *_heading(draft, source),
        *(_rows(draft, path) if draft.conversions else ()),
        *contract_text(draft),
        "",
        *roles_text(draft),
        "",
        *_project(draft),
    ]
    return "\n".join(lines) + "\n"


def _heading(draft: Draft, source: str) -> Iterator[str]:
    yield f'"""A first draft of the project {draft.name}, guessed by `sixgates init`.'
    yield ""
    yield f"Each guess is marked `{MARK}` with its reason. Correct it, or take the mark away."
    yield '"""'
    yield ""
    if draft.label_horizon or draft.pace:
        yield "from datetime import timedelta"
        yield ""
    yield "import pandera.polars as pa"
    yield "import polars as pl"
    yield ""
    yield f"from sixgates.gates.policy import Policies{', WatchPolicy' if draft.pace else ''}"
    yield "from sixgates.gates.project import Project, Roles"
    yield ""
    seen, total = draft.table.rows.height, draft.table.total
    yield from comment(f"Guessed from {seen:,} of the {total:,} rows of {source}.")


def _rows(draft: Draft, path: str) -> Iterator[str]:
    yield ""
    yield ""
    yield "def rows() -> pl.LazyFrame:"
    yield f'{_IN}"""Return the rows, with columns of another type where their own is of no use."""'
    alone = ", glob=False" if has_magic(path) else ""
    yield f"{_IN}return pl.scan_parquet({quoted(path)}{alone}).with_columns("
    for conversion in draft.conversions:
        yield from review(conversion.why, _IN * 2)
        yield f"{_IN * 2}{conversion.code},"
    yield f"{_IN})"
    yield ""
    yield ""


def _project(draft: Draft) -> Iterator[str]:
    task, why = draft.task
    yield "project = Project("
    yield f"{_IN}name={quoted(draft.name)},"
    yield from review(why, _IN)
    yield f"{_IN}task={quoted(task)},"
    yield f"{_IN}contract=contract,"
    yield f"{_IN}roles=roles,"
    if draft.conversions:
        yield f"{_IN}source=rows,"
    yield from _costs(draft)
    yield from review(
        "does acting on a prediction change its outcome, as refusing a loan does? If surely not,"
        ' say "no": both models can then be scored on every outcome, in far fewer requests',
        _IN,
    )
    yield f'{_IN}prediction_changes_outcome="unknown",'
    yield f"{_IN}policies=Policies.with_margin("
    yield from review(
        f"a new model that loses more by this must not take over. {draft.costs.why}", _IN * 2
    )
    yield f"{_IN * 2}{draft.costs.margin!r},"
    yield from review(
        "the first model serves once it passes gates 1 to 3: there is none to compare it with",
        _IN * 2,
    )
    yield f'{_IN * 2}comparison={{"cold_start": "serve"}},'
    yield from _watch(draft)
    yield f"{_IN}),"
    yield ")"


def _costs(draft: Draft) -> Iterator[str]:
    probability = draft.costs.loss is LossName.BRIER
    what = "the squared error of a probability" if probability else "its distance to the truth"
    yield from review(f"what a wrong answer costs: {what}", _IN)
    yield f"{_IN}loss={quoted(draft.costs.loss)},"
    if draft.costs.clip is not None:
        yield from review(
            "no row counts more than this. Of 1,000 labels 999 are nearer to the median", _IN
        )
        yield f"{_IN}clip={draft.costs.clip!r},"


def _watch(draft: Draft) -> Iterator[str]:
    if draft.pace is None:
        return
    given = f"window={duration(draft.pace.window)}"
    if draft.pace.min_rows is not None:
        given += f", min_rows={draft.pace.min_rows}"
    yield from review(f"drift is looked for in windows of this length. {draft.pace.why}", _IN * 2)
    yield f"{_IN * 2}watch=WatchPolicy({given}),"
