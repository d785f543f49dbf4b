"""The floor: the fewest lines that answer the same body with the same model, and nothing else.

`python -m bench.gateway.bare fast|booster TEXT PORT`. uvicorn with uvloop and httptools, raw ASGI,
msgspec, and the model through LightGBM's C function for one row (`fast`) or through
`lightgbm.Booster.predict` (`booster`). It trusts the order of the columns, refuses nothing, writes
no log, and knows neither split nor metrics.
"""

import ctypes
import importlib.util
import struct
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import msgspec
import uvicorn

FEATURES, BEFORE = 30, 2
"""Columns of the model, and those before them in a row: entity and event time."""

Predict = Callable[[list[Any]], float]


class _Split(msgspec.Struct):
    data: list[list[Any]]


class _Body(msgspec.Struct):
    dataframe_split: _Split


def main() -> int:
    """Serve until stopped."""
    form, text, port = sys.argv[1:]
    predict = {"fast": fast, "booster": booster}[form](Path(text))
    uvicorn.run(
        application(predict), port=int(port), loop="uvloop", http="httptools", ws="none",
        lifespan="off", log_level="critical", access_log=False, server_header=False,
        proxy_headers=False,
    )  # fmt: skip
    return 0


def application(predict: Predict) -> Callable[..., Awaitable[None]]:
    """Return the ASGI application."""
    decode = msgspec.json.Decoder(_Body).decode

    async def answer(_scope: object, receive: Any, send: Any) -> None:  # noqa: ANN401 - raw ASGI
        event = await receive()
        body = event["body"]
        while event["more_body"]:
            event = await receive()
            body += event["body"]
        value = predict(decode(body).dataframe_split.data[0])
        reply = b'{"predictions":[%r]}' % value
        headers = [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(reply))]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": reply})

    return answer


def fast(text: Path) -> Predict:
    """Predict with the C function that was prepared for rows of this shape."""
    lib, handle, config = _library(), ctypes.c_void_p(), ctypes.c_void_p()
    lib.LGBM_BoosterLoadModelFromString(
        text.read_bytes(), ctypes.byref(ctypes.c_int()), ctypes.byref(handle)
    )
    lib.LGBM_BoosterPredictForMatSingleRowFastInit(
        handle, 0, 0, -1, 1, FEATURES, b"num_threads=1", ctypes.byref(config)
    )
    row, written, out = (ctypes.c_double * FEATURES)(), ctypes.c_int64(), ctypes.c_double()
    call = lib.LGBM_BoosterPredictForMatSingleRowFast
    arguments = (config, row, ctypes.byref(written), ctypes.byref(out))
    pack = struct.Struct(f"{FEATURES}d").pack_into

    def predict(values: list[Any]) -> float:
        pack(row, 0, *values[BEFORE:])
        call(*arguments)
        return out.value

    return predict


def booster(text: Path) -> Predict:
    """Predict with LightGBM's Python package."""
    import lightgbm
    import numpy as np

    model = lightgbm.Booster(model_file=text)

    def predict(values: list[Any]) -> float:
        return float(model.predict(np.array([values[BEFORE:]]), num_threads=1)[0])

    return predict


def _library() -> ctypes.CDLL:
    # Found, not imported: importing lightgbm brings pandas and SciPy.
    found = importlib.util.find_spec("lightgbm")
    folders = (found.submodule_search_locations or []) if found else []
    return ctypes.CDLL(str(next(p for f in folders for p in Path(f).glob("lib/lib_lightgbm.*"))))


if __name__ == "__main__":
    sys.exit(main())
