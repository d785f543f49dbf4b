"""The record as JSON lines that anyone can verify without this code."""

from collections.abc import Iterator, Mapping
from typing import Any

import sqlalchemy as sa

from sixgates.gates.errors import ContractError
from sixgates.ledger.chain import canonical, walk


def lines(connection: sa.Connection, model: str) -> Iterator[str]:
    """Write each row of a model in the order of its chain, in a stream.

    A line is the canonical text of the row with its hash put first, so that the text that was
    hashed is there byte for byte: `"{"` and the line from its 76th character on.

    Args:
        connection: Of `database.snapshot`.
        model: Whose chain.

    Raises:
        ContractError: a row can no longer be read.
    """
    with walk(connection, model) as rows:
        for table, row in rows:
            yield f'{{"hash":"{row["hash"]}",{_text(model, table, row)[1:]}'


def _text(model: str, table: str, row: Mapping[str, Any]) -> str:
    try:
        return canonical(table, row)
    except (TypeError, ValueError) as exc:
        raise ContractError(
            f"{table} row {row['seq']} of {model} cannot be read ({exc}):"
            " run `sixgates ledger verify`"
        ) from exc
