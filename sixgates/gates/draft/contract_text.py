"""The contract of the draft as Python."""

from collections.abc import Iterator

import polars as pl

from sixgates.gates.draft.comments import WIDTH, quoted, review
from sixgates.gates.draft.draft import Draft
from sixgates.gates.draft.rules import rule_of

_IN = " " * 8
_RARE = 0.01


def contract_text(draft: Draft) -> Iterator[str]:
    """Yield the lines of the contract: a column and what a value of it may be."""
    yield from review(
        "what a value may be is what was seen, with some room where a note says what that was. A"
        " row that breaks a rule is quarantined and not learned from; too many of them stop a run"
    )
    yield "contract = pa.DataFrameSchema("
    yield "    {"
    unusable = {g.value for g in draft.parts.unusable}
    for name in draft.table.rows.columns:
        if name not in unusable:
            yield from _column(draft, name)
    for guess in draft.parts.unusable:
        yield from review(f"left out: {guess.value}. {guess.why}", _IN)
    yield "    }"
    yield ")"


def _column(draft: Draft, name: str) -> Iterator[str]:
    ignored = name in {g.value for g in draft.parts.ignored}
    label_time = draft.label_time.value if draft.label_time else ""
    late = name in {draft.label.value, label_time}
    kind = _type(
        draft.table.rows.schema[name], has_role=name in {draft.event_time.value, label_time}
    )
    rule = None if ignored else rule_of(draft.table, name)
    empty = draft.table.null_share(name)
    given = [kind]
    if rule and rule.code:
        given.append(rule.code)
    if ignored or late or empty:
        given.append("nullable=True")
    notes = [rule.note] if rule and rule.note else []
    if late:
        notes.append("empty while it is not known yet")
    elif empty and not ignored:
        notes.append(f"{f'{empty:.0%}' if empty >= _RARE else 'less than 1%'} of it is empty")
    if notes:
        yield from review("; ".join(notes), _IN)
    line = f"{_IN}{quoted(name)}: pa.Column({', '.join(given)}),"
    if len(line) <= WIDTH:
        yield line
        return
    yield f"{_IN}{quoted(name)}: pa.Column("
    for part in given:
        yield f"{_IN}    {part},"
    yield f"{_IN}),"


def _type(dtype: pl.DataType, *, has_role: bool) -> str:
    """Return a type as Python; None where none is asked."""
    if isinstance(dtype, pl.Datetime):
        # Times with a role are brought to naive UTC in microseconds when they are read.
        unit = "us" if has_role else dtype.time_unit
        zone = "" if has_role or not dtype.time_zone else f", {quoted(dtype.time_zone)}"
        return f"pl.Datetime({quoted(unit)}{zone})"
    if isinstance(dtype, pl.Categorical | pl.Enum):
        return "None"  # its categories are those of one file
    return f"pl.{dtype.base_type()}"
