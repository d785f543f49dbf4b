"""How a LightGBM text answers rows: the library's C functions, without its Python package.

Importing `lightgbm` brings pandas, scipy and seconds; the shared library behind it loads in
milliseconds and gives the same bits as `lightgbm.Booster.predict`.
"""

import ctypes
import importlib.util
import threading
import weakref
from functools import cache
from pathlib import Path

import numpy as np

from sixgates.gates.errors import ConfigurationError, ContractError

_FLOAT64 = 1
_NORMAL = 0
_ROW_MAJOR = 1
_FROM_FIRST = 0
_ALL_ROUNDS = -1
_PARAMETERS = b"num_threads=1 verbosity=-1"


class Booster:
    """One model in memory. Safe to share between threads; freed when nobody refers to it."""

    def __init__(self, text: bytes) -> None:
        """Load a model from LightGBM's native text.

        Raises:
            ContractError: the text is not a LightGBM model.
        """
        self._lib = _library()
        self._handle = ctypes.c_void_p()
        rounds = ctypes.c_int()
        self._call(
            "LGBM_BoosterLoadModelFromString",
            text,
            ctypes.byref(rounds),
            ctypes.byref(self._handle),
        )
        self.features = self._count("LGBM_BoosterGetNumFeature")
        outputs = ctypes.c_int64()
        self._call(
            "LGBM_BoosterCalcNumPredict",
            *(self._handle, 1, _NORMAL, _FROM_FIRST, _ALL_ROUNDS, ctypes.byref(outputs)),
        )
        self.outputs = outputs.value
        """Numbers a row: one, or one a class."""
        self._single = _SingleRow(self._lib, self._handle, self.features, self.outputs)
        # Not at exit: a thread may still be scoring, and the process takes the memory with it.
        weakref.finalize(self, _free, self._lib, self._single.config, self._handle).atexit = False

    def predict(self, matrix: np.ndarray) -> np.ndarray:
        """Answer a float64 matrix of (rows, features) with one of (rows, outputs).

        Raises:
            ContractError: the matrix does not fit the model.
        """
        if matrix.ndim != 2 or matrix.shape[1] != self.features:  # noqa: PLR2004 - a matrix
            raise ContractError(f"shape {matrix.shape} does not fit {self.features} features")
        if len(matrix) == 1:
            return self._single.predict(matrix)
        matrix = np.ascontiguousarray(matrix, dtype=np.float64)
        answers = np.empty((len(matrix), self.outputs), dtype=np.float64)
        if not len(matrix):
            return answers
        written = ctypes.c_int64()
        self._call(
            "LGBM_BoosterPredictForMat",
            *(self._handle, matrix.ctypes.data, _FLOAT64, len(matrix), self.features),
            *(_ROW_MAJOR, _NORMAL, _FROM_FIRST, _ALL_ROUNDS, _PARAMETERS),
            *(ctypes.byref(written), answers.ctypes.data),
        )
        if written.value != answers.size:
            raise ContractError(f"LightGBM wrote {written.value} numbers, not {answers.size}")
        return answers

    def _count(self, function: str) -> int:
        out = ctypes.c_int()
        self._call(function, self._handle, ctypes.byref(out))
        return out.value

    def _call(self, function: str, *arguments: object) -> None:
        _call(self._lib, function, *arguments)


class _SingleRow:
    """The library's prepared call for one row, with its own buffers and therefore a lock."""

    def __init__(
        self, lib: ctypes.CDLL, handle: ctypes.c_void_p, features: int, outputs: int
    ) -> None:
        self._lib = lib
        self.config = ctypes.c_void_p()
        _call(
            lib,
            "LGBM_BoosterPredictForMatSingleRowFastInit",
            *(handle, _NORMAL, _FROM_FIRST, _ALL_ROUNDS, _FLOAT64, features),
            *(_PARAMETERS, ctypes.byref(self.config)),
        )
        self._row = np.empty((1, features), dtype=np.float64)
        self._out = np.empty((1, outputs), dtype=np.float64)
        self._written = ctypes.c_int64()
        self._arguments = (
            *(self.config, self._row.ctypes.data),
            *(ctypes.byref(self._written), self._out.ctypes.data),
        )
        self._lock = threading.Lock()

    def predict(self, row: np.ndarray) -> np.ndarray:
        with self._lock:
            self._row[:] = row
            _call(self._lib, "LGBM_BoosterPredictForMatSingleRowFast", *self._arguments)
            return self._out.copy()


def _free(lib: ctypes.CDLL, config: ctypes.c_void_p, handle: ctypes.c_void_p) -> None:
    lib.LGBM_FastConfigFree(config)
    lib.LGBM_BoosterFree(handle)


def _call(lib: ctypes.CDLL, function: str, *arguments: object) -> None:
    if getattr(lib, function)(*arguments) != 0:
        message = lib.LGBM_GetLastError().decode(errors="replace")
        raise ContractError(f"LightGBM refused in {function}: {message}")


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
        *(handle, pointer, integer, ctypes.c_int32, ctypes.c_int32),
        *(integer, integer, integer, integer, ctypes.c_char_p, pointer, pointer),
    ]
    lib.LGBM_BoosterPredictForMatSingleRowFastInit.argtypes = [
        *(handle, integer, integer, integer, integer, ctypes.c_int32, ctypes.c_char_p, pointer)
    ]
    lib.LGBM_BoosterPredictForMatSingleRowFast.argtypes = [handle, pointer, pointer, pointer]
    return lib


def _library_path() -> Path:
    # `find_spec` of a top-level package finds it without running it.
    spec = importlib.util.find_spec("lightgbm")
    for folder in (spec.submodule_search_locations or []) if spec else []:
        for found in sorted(Path(folder).glob("*/lib_lightgbm.*")):
            return found
    raise ConfigurationError("no lib_lightgbm in the lightgbm package: install lightgbm==4.7.0")
