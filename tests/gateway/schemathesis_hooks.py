"""What Schemathesis must be told, because a schema cannot say it."""

import schemathesis

COLUMNS = {"age": 40, "spend": -0.5, "region": "south"}


@schemathesis.serializer("text/csv")
def comma_separated(_context, value):
    return value if isinstance(value, bytes) else str(value).encode()


@schemathesis.hook
def filter_body(context, body):
    """Leave tables out that are random text: the schema of a table is any text."""
    return not (context.operation.path == "/invocations" and isinstance(body, str))


@schemathesis.hook
def map_body(context, body):
    """Give rows as many values as there are columns; and send whole numbers as such."""
    match body:
        case {"dataframe_split": {"columns": [*columns], "data": [*rows]}}:
            for row in rows:
                if isinstance(row, list):
                    row[:] = [COLUMNS.get(name) if isinstance(name, str) else 0 for name in columns]
        case [*labels] if context.operation.path == "/labels":
            for label in labels:
                match label:
                    case {"row": float(row)} if row.is_integer():
                        label["row"] = int(row)
    return body
