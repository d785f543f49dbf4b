"""How a LightGBM text answers rows: the library's C functions, without its Python package.

Importing `lightgbm` brings pandas, scipy and seconds; the shared library behind it loads in
milliseconds and gives the same bits as `lightgbm.Booster.predict`.
"""

import ctypes
import importlib.util
import threading
import weakref
from collections.abc import Callable
from functools import cache
from itertools import chain
from math import isfinite
from pathlib import Path

from sixgates.gates.errors import ConfigurationError, ContractError

_FLOAT64 = 1
_NORMAL = 0
_ROW_MAJOR = 1
_FROM_FIRST = 0
_ALL_ROUNDS = -1
_PARAMETERS = b"num_threads=1 verbosity=-1"
_MAX_ERROR = 300
_BYTES = 8
"""Of a float64."""

Answers = list[tuple[float, ...]]
"""One a row, each of one number, or of one a class."""


class Booster:
    """One model in memory. Safe to share between threads; freed when nobody refers to it."""

    def __init__(self, text: bytes) -> None:
        """Load a model from LightGBM's native text.

        Raises:
            ContractError: the text is not a LightGBM model.
        """
        self._lib = _library()
        self._loaded = _Loaded(self._lib, text)
        self.features = self._count("LGBM_BoosterGetNumFeature")
        outputs = ctypes.c_int64()
        self._call(
            "LGBM_BoosterCalcNumPredict",
            *(self._loaded.handle, 1, _NORMAL, _FROM_FIRST, _ALL_ROUNDS, ctypes.byref(outputs)),
        )
        self.outputs = outputs.value
        """Numbers a row: one, or one a class."""
        self.row_bytes = self.features * _BYTES
        """Of one packed row."""
        self._of_thread = threading.local()

    def predict_one(self, packed: bytes) -> tuple[float, ...]:
        """Answer one row, packed as for `predict`.

        Raises:
            ContractError: the row does not fit the model.
        """
        if len(packed) != self.row_bytes:
            raise self._misfit(packed)
        try:
            single: _SingleRow = self._of_thread.single
        except AttributeError:
            single = _SingleRow(self._lib, self._loaded, self.features, self.outputs)
            self._of_thread.single = single
        if single.ask(single.config, packed, single.written, single.out) != 0:
            raise _refused(self._lib, "LGBM_BoosterPredictForMatSingleRowFast")
        return tuple(single.answers[:])

    def predict(self, packed: bytes) -> Answers:
        """Answer rows that are packed as float64, each of as many numbers as the model reads.

        Raises:
            ContractError: the rows do not fit the model.
        """
        rows, rest = divmod(len(packed), self.row_bytes)
        if rest:
            raise self._misfit(packed)
        if rows == 1:
            return [self.predict_one(packed)]
        answers = (ctypes.c_double * (rows * self.outputs))()
        written = ctypes.c_int64()
        self._call(
            "LGBM_BoosterPredictForMat",
            *(self._loaded.handle, packed, _FLOAT64, rows, self.features),
            *(_ROW_MAJOR, _NORMAL, _FROM_FIRST, _ALL_ROUNDS, _PARAMETERS),
            *(ctypes.byref(written), answers),
        )
        if written.value != len(answers):
            raise ContractError(f"LightGBM wrote {written.value} numbers, not {len(answers)}")
        return list(zip(*[iter(answers[:])] * self.outputs, strict=True))

    def _misfit(self, packed: bytes) -> ContractError:
        n = len(packed) / _BYTES
        return ContractError(f"{n:g} numbers are no rows of {self.features} features")

    def _count(self, function: str) -> int:
        out = ctypes.c_int()
        self._call(function, self._loaded.handle, ctypes.byref(out))
        return out.value

    def _call(self, function: str, *arguments: object) -> None:
        if getattr(self._lib, function)(*arguments) != 0:
            raise _refused(self._lib, function)


def judge(answers: Answers) -> list[str]:
    """Turn answers that are not finite numbers into failures of their rows.

    Returns:
        The errors, one a row; none where no row failed.
    """
    if isfinite(sum(chain.from_iterable(answers))):
        return []
    errors = [""] * len(answers)
    for i, values in enumerate(answers):
        if not all(map(isfinite, values)):
            errors[i] = f"answered {list(values)}, which is not finite"[:_MAX_ERROR]
            answers[i] = ()
    return errors if any(errors) else []


def said(exc: Exception) -> str:
    """Write down why a model could not answer."""
    return f"{type(exc).__name__}: {exc}"[:_MAX_ERROR]


class _Loaded:
    """The library's own model, which everything that asks it holds on to."""

    def __init__(self, lib: ctypes.CDLL, text: bytes) -> None:
        self.handle = ctypes.c_void_p()
        rounds = ctypes.c_int()
        if lib.LGBM_BoosterLoadModelFromString(
            text, ctypes.byref(rounds), ctypes.byref(self.handle)
        ):
            raise _refused(lib, "LGBM_BoosterLoadModelFromString")
        # Not at exit: a thread may still be scoring, and the process takes the memory with it.
        weakref.finalize(self, lib.LGBM_BoosterFree, self.handle).atexit = False


class _SingleRow:
    """The library's prepared call for one row, with its own buffers: one of each a thread."""

    def __init__(self, lib: ctypes.CDLL, loaded: _Loaded, features: int, outputs: int) -> None:
        self.config = ctypes.c_void_p()
        if lib.LGBM_BoosterPredictForMatSingleRowFastInit(
            *(loaded.handle, _NORMAL, _FROM_FIRST, _ALL_ROUNDS, _FLOAT64, features),
            *(_PARAMETERS, ctypes.byref(self.config)),
        ):
            raise _refused(lib, "LGBM_BoosterPredictForMatSingleRowFastInit")
        # The configuration holds on to the model, which is freed after it.
        weakref.finalize(self, _free_config, lib, self.config, loaded).atexit = False
        self._written = ctypes.c_int64()
        self.answers = (ctypes.c_double * outputs)()
        self.written = ctypes.c_void_p(ctypes.addressof(self._written))
        self.out = ctypes.c_void_p(ctypes.addressof(self.answers))
        self.ask = _asking()


@cache
def _asking() -> Callable[..., int]:
    """Return the call itself, which keeps Python's lock.

    It takes some microseconds. Letting another thread in meanwhile would cost more, and this one,
    which may be the event loop's, would then wait for that thread.
    """
    ask = ctypes.PyDLL(str(_library_path())).LGBM_BoosterPredictForMatSingleRowFast
    ask.argtypes = [ctypes.c_void_p, ctypes.c_char_p, *[ctypes.c_void_p] * 2]
    ask.restype = ctypes.c_int
    return ask


def _free_config(lib: ctypes.CDLL, config: ctypes.c_void_p, _loaded: _Loaded) -> None:
    lib.LGBM_FastConfigFree(config)


def _refused(lib: ctypes.CDLL, function: str) -> ContractError:
    message = lib.LGBM_GetLastError().decode(errors="replace")
    return ContractError(f"LightGBM refused in {function}: {message}")


@cache
def _library() -> ctypes.CDLL:
    path = _library_path()
    try:
        lib = ctypes.CDLL(str(path))
    except OSError as exc:
        raise ConfigurationError(f"{path} does not load ({exc}); reinstall lightgbm") from exc
    handle, integer, pointer = ctypes.c_void_p, ctypes.c_int, ctypes.c_void_p
    lib.LGBM_GetLastError.restype = ctypes.c_char_p
    lib.LGBM_BoosterLoadModelFromString.argtypes = [ctypes.c_char_p, pointer, pointer]
    lib.LGBM_BoosterFree.argtypes = [handle]
    lib.LGBM_FastConfigFree.argtypes = [handle]
    lib.LGBM_BoosterGetNumFeature.argtypes = [handle, pointer]
    lib.LGBM_BoosterCalcNumPredict.argtypes = [handle, *[integer] * 4, pointer]
    lib.LGBM_BoosterPredictForMat.argtypes = [
        *(handle, ctypes.c_char_p, integer, ctypes.c_int32, ctypes.c_int32),
        *(integer, integer, integer, integer, ctypes.c_char_p, pointer, pointer),
    ]
    lib.LGBM_BoosterPredictForMatSingleRowFastInit.argtypes = [
        *(handle, integer, integer, integer, integer, ctypes.c_int32, ctypes.c_char_p, pointer)
    ]
    return lib


def _library_path() -> Path:
    # `find_spec` of a top-level package finds it without running it.
    spec = importlib.util.find_spec("lightgbm")
    for folder in (spec.submodule_search_locations or []) if spec else []:
        for found in sorted(Path(folder).glob("*/lib_lightgbm.*")):
            return found
    raise ConfigurationError("no lib_lightgbm in the lightgbm package: install lightgbm==4.7.0")
