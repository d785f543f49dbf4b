"""Finding and loading the one file a user writes, with every fault said in one sentence."""

import importlib.util
import sys
import traceback
from importlib.machinery import ModuleSpec, SourceFileLoader
from pathlib import Path
from types import CodeType, ModuleType

from pydantic import ValidationError

from sixgates.gates.errors import ConfigurationError
from sixgates.gates.project import Project

FILES = "sixgates_project_"
"""Beginning of the name of a module that was a user's file."""
_FOLDER = Path("projects")
_PROBLEMS_SHOWN = 3


def load_project(name_or_path: str) -> Project:
    """Load a project by name or by path; the file is executed afresh each time.

    A name means `projects/<name>.py` in the current directory, else `<name>.py` there, where
    `sixgates init` writes, else the installed package `projects`; dashes in the name may be
    underscores in the file's name. A value that ends in `.py` or holds a slash is a path.

    Raises:
        ConfigurationError: the file is missing, does not run, or holds no valid `project`.
    """
    path = project_file(name_or_path)
    project = getattr(execute(path), "project", None)
    if project is None:
        raise ConfigurationError(f"{path} defines no `project`: end it with `project = Project(…)`")
    if not isinstance(project, Project):
        raise ConfigurationError(
            f"`project` in {path} is a {type(project).__name__} and not a Project: build it with"
            " `Project(…)` from sixgates.gates.project"
        )
    return project


def project_names() -> list[str]:
    """Return the names that `load_project` knows: the current directory's, then the installed."""
    folders = [_FOLDER, *_installed_folders()]
    found = (path.stem for folder in folders for path in sorted(folder.glob("*.py")))
    return list(dict.fromkeys(name.replace("_", "-") for name in found if name[0] not in "_."))


def project_file(name_or_path: str) -> Path:
    """Return the file that `load_project` would execute.

    Raises:
        ConfigurationError: there is none.
    """
    if name_or_path.endswith(".py") or "/" in name_or_path:
        path = Path(name_or_path)
        if path.suffix == ".py" and path.is_file():
            return path
        raise ConfigurationError(f"there is no project file {path}: give the path of a .py file")
    stems = dict.fromkeys((name_or_path, name_or_path.replace("-", "_")))
    for folder in (_FOLDER, Path(), *_installed_folders()):
        for stem in stems:
            path = folder / f"{stem}.py"
            if not stem.startswith("_") and path.is_file():
                return path
    names = ", ".join(project_names()) or "none"
    raise ConfigurationError(
        f"there is no project {name_or_path!r}: write {_FOLDER / name_or_path}.py, give the path"
        f" of a file, or choose one that exists ({names})"
    )


def _installed_folders() -> list[Path]:
    spec = importlib.util.find_spec("projects")
    return [Path(p) for p in (spec and spec.submodule_search_locations) or []]


def execute(path: Path) -> ModuleType:
    """Run a file that a user wrote, afresh each time, and return it as a module.

    Raises:
        ConfigurationError: it is no Python, or does not run to its end; file and line are named.
    """
    name = f"{FILES}{path.stem}"
    loader = _Source(name, str(path.absolute()))
    spec = importlib.util.spec_from_file_location(name, path.absolute(), loader=loader)
    if spec is None or spec.loader is None:
        raise ConfigurationError(f"{path} is not a Python file: give the path of a .py file")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module  # dataclasses and postponed annotations look their module up
    try:
        _run(spec, module)
    except SyntaxError as exc:
        where = f"{exc.filename or path}:{exc.lineno}" if exc.lineno else f"{path}"
        raise ConfigurationError(f"{where} is not valid Python ({exc.msg}): mend it") from exc
    except ValidationError as exc:
        raise ConfigurationError(f"{_place(path, exc)} is refused: {_flatten(exc)}") from exc
    except (Exception, SystemExit) as exc:
        said = " ".join(str(exc).split())
        raise ConfigurationError(
            f"{_place(path, exc)} raised {type(exc).__name__}{': ' if said else ''}{said};"
            " mend it, and try again"
        ) from exc
    return module


class _Source(SourceFileLoader):
    """Compiles the text as it is now: kept bytecode goes by whole seconds and the size."""

    def get_code(self, fullname: str) -> CodeType:  # noqa: ARG002 - the loader asks so
        return self.source_to_code(self.get_data(self.path), self.path)


def _run(spec: ModuleSpec, module: ModuleType) -> None:
    if spec.loader is not None:
        spec.loader.exec_module(module)


def _place(path: Path, exc: BaseException) -> str:
    """Name the last line of the user's own file on the way to the fault."""
    own = str(path.absolute())
    lines = [f.lineno for f in traceback.extract_tb(exc.__traceback__) if f.filename == own]
    return f"{path}:{lines[-1]}" if lines else str(path)


def _flatten(exc: ValidationError) -> str:
    problems = exc.errors(include_url=False, include_context=False, include_input=False)
    told = []
    for problem in problems[:_PROBLEMS_SHOWN]:
        where = ".".join(str(part) for part in problem["loc"])
        message = problem["msg"].removeprefix("Value error, ")
        told.append(f"{where}: {message}" if where else message)
    rest = len(problems) - len(told)
    return "; ".join(told) + (f"; and {rest} more" if rest else "")
