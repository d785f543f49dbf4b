"""A LightGBM text as a BentoML service; `MODEL_TEXT` names its file."""

import os

import bentoml
import lightgbm
import numpy as np


@bentoml.service(workers=1, logging={"access": {"enabled": False}})
class Model:
    """One model."""

    def __init__(self) -> None:
        """Load it."""
        self._booster = lightgbm.Booster(model_file=os.environ["MODEL_TEXT"])

    @bentoml.api  # type: ignore[untyped-decorator]
    def predict(self, rows: np.ndarray) -> np.ndarray:
        """Answer a matrix of rows."""
        return np.asarray(self._booster.predict(rows, num_threads=1))
