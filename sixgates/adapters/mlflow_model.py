"""A model's text as MLflow's own LightGBM flavour, so that MLflow's tools can load it."""

import warnings
from pathlib import Path

import msgspec
import polars as pl

from sixgates.gates.card import ModelCard, Task

_SAMPLE_ROWS = 20


def save_mlflow_model(folder: Path, text: str, card: ModelCard, sample: pl.DataFrame) -> None:
    """Write an MLflow model folder with the text, the card and some raw rows.

    The model reads encoded rows, float64 columns named as the features: a category is its code in
    `card.json`, a missing one NaN.
    """
    import lightgbm as lgb

    # MLflow warns of a type hint of its own while it is imported; nothing here can act on it.
    warnings.filterwarnings("ignore", "(?s).*Any type hint is inferred as AnyType")
    import mlflow.lightgbm

    mlflow.lightgbm.save_model(
        lgb.Booster(model_str=text),
        str(folder),
        signature=_signature(card),
        pip_requirements=[f"lightgbm=={lgb.__version__}"],  # else MLflow looks for them for 8 s
        metadata={"digest": card.digest},
    )
    # LightGBM writes the same model in its own words: keep the text that the digest names.
    (folder / "model.lgb").write_bytes(text.encode())
    (folder / "card.json").write_bytes(msgspec.json.encode(card))
    sample.head(_SAMPLE_ROWS).write_json(folder / "sample.json")


def _signature(card: ModelCard) -> object:
    import numpy as np
    from mlflow.models import ModelSignature
    from mlflow.types import ColSpec, DataType, Schema, TensorSpec

    shape = (-1, len(card.classes)) if card.task is Task.MULTICLASS else (-1,)
    return ModelSignature(
        inputs=Schema([ColSpec(DataType.double, feature.name) for feature in card.features]),
        outputs=Schema([TensorSpec(np.dtype(np.float64), shape)]),
    )
