"""What no file of this project does: pickle, eval, SQL of pasted words, code from anywhere."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
FOLDERS = ("sixgates", "tasks", "flows", "cli", "simulation", "projects")
SOURCES = sorted(path for folder in FOLDERS for path in (ROOT / folder).rglob("*.py"))
TREES = {path: ast.parse(path.read_text()) for path in SOURCES}

PICKLES = {"pickle", "cPickle", "_pickle", "cloudpickle", "dill", "joblib", "marshal", "shelve",
           "torch", "skops"}  # fmt: skip
RUNS_TEXT = {"eval", "exec", "compile", "__import__"}
LOADS_PICKLES = {"read_pickle", "to_pickle", "load_pickle", "unsafe_load", "full_load"}
BY_PATH = {"exec_module", "spec_from_file_location", "run_path", "SourceFileLoader"}
SQL = {"text", "exec_driver_sql", "DDL", "literal_column"}

NAMES_OF_OUR_OWN = {
    "sixgates/ledger/migrations/versions/r0002_chain.py": "the names of two tables, a constant",
    "sixgates/ledger/triggers.py": "statements made of names of tables, a constant",
    "sixgates/ledger/leases.py": "the clock of the database, one of two literals, and a constant",
    "sixgates/ledger/presence.py": "the same clock, and a whole number of seconds",
    "sixgates/ledger/database.py": "one of two words, and a constant",
    "sixgates/adapters/lake/sql_statement.py": "the query of whoever runs this, which only reads",
}
"""Where SQL is not one literal, and why nothing that anybody sent can be in it."""
NAMES = {"name", "table", "change", "changes", "BUSY_SECONDS", "now", "seconds", "_SLACK_SECONDS"}
"""What is put into those statements: each is, or runs over, a constant of its file."""


def place(path, node):
    return f"{path.relative_to(ROOT)}:{node.lineno}"


def calls(*, of):
    """Every call of a function or method with one of these names: (file, call, its name)."""
    for path, tree in TREES.items():
        for node in ast.walk(tree):
            if isinstance(node, ast.Call):
                name = getattr(node.func, "attr", getattr(node.func, "id", ""))
                if name in of:
                    yield path, node, name


def roots(node):
    match node:
        case ast.Import():
            return {alias.name.split(".")[0] for alias in node.names}
        case ast.ImportFrom(level=0, module=str(module)):
            return {module.split(".")[0]}
    return set()


def test_no_file_imports_what_unpickles():
    found = [
        place(path, node)
        for path, tree in TREES.items()
        for node in ast.walk(tree)
        if roots(node) & PICKLES
    ]
    assert len(SOURCES) > 150
    assert found == []


def test_no_call_runs_a_text_or_loads_a_pickle():
    by_name = [
        place(path, node)
        for path, node, name in calls(of=RUNS_TEXT)
        if isinstance(node.func, ast.Name) and node.func.id == name
    ]
    loads = [place(path, node) for path, node, _ in calls(of=LOADS_PICKLES)]
    allowed = [
        place(path, node)
        for path, node, _ in calls(of={"load"})
        for keyword in node.keywords
        if keyword.arg == "allow_pickle"
    ]
    yaml = [
        place(path, node)
        for path, node, _ in calls(of={"load"})
        if isinstance(node.func, ast.Attribute) and ast.unparse(node.func.value) == "yaml"
    ]
    shells = [
        place(path, node)
        for path, node, _ in calls(of={"run", "Popen", "call", "check_output", "system", "popen"})
        for keyword in node.keywords
        if keyword.arg == "shell"
    ]
    assert by_name + loads + allowed + yaml + shells == []


def test_code_is_loaded_by_path_in_one_place_only():
    found = {str(path.relative_to(ROOT)) for path, _, _ in calls(of=BY_PATH)}
    assert found == {"sixgates/adapters/project_files.py"}


def test_sql_is_one_literal_with_bound_parameters():
    pasted = {
        place(path, node): str(path.relative_to(ROOT))
        for path, node, _ in calls(of=SQL)
        if "sqlalchemy" in path.read_text() or "migrations" in str(path)
        if not (node.args and isinstance(node.args[0], ast.Constant))
    }
    assert {at: file for at, file in pasted.items() if file not in NAMES_OF_OUR_OWN} == {}


@pytest.mark.parametrize("file", sorted(NAMES_OF_OUR_OWN))
def test_sql_of_several_pieces_is_made_of_names_written_in_the_file(file):
    pieces = {
        name.id
        for node in ast.walk(TREES[ROOT / file])
        if isinstance(node, ast.JoinedStr) and _is_sql(node)
        for value in node.values
        if isinstance(value, ast.FormattedValue)
        for name in ast.walk(value)
        if isinstance(name, ast.Name)
    }
    assert pieces <= NAMES


def _is_sql(node):
    first = "".join(str(part.value) for part in node.values if isinstance(part, ast.Constant))
    return first.lstrip().startswith(("SELECT", "UPDATE", "CREATE", "SET", "INSERT", "DELETE"))


def test_secrets_are_compared_in_constant_time_only():
    comparing = [str(path.relative_to(ROOT)) for path, _, _ in calls(of={"compare_digest"})]
    assert comparing == ["sixgates/gateway/tokens.py"]
    tree = TREES[ROOT / "sixgates/gateway/tokens.py"]
    plain = [
        ast.unparse(node)
        for node in ast.walk(tree)
        if isinstance(node, ast.Compare) and any(isinstance(o, ast.Eq | ast.In) for o in node.ops)
        for name in ast.walk(node)
        if isinstance(name, ast.Name) and name.id in {"token", "digest", "given", "authorization"}
    ]
    assert plain == []
