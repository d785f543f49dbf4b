"""Write a LightGBM text as an MLflow model: `mlflow_model.py TEXT FOLDER signed|unsigned`."""

import sys

import lightgbm
import mlflow.lightgbm
import numpy as np
from mlflow.models import ModelSignature
from mlflow.types import ColSpec, DataType, Schema, TensorSpec

text, folder, form = sys.argv[1:]
booster = lightgbm.Booster(model_file=text)
signature = ModelSignature(
    inputs=Schema([ColSpec(DataType.double, name) for name in booster.feature_name()]),
    outputs=Schema([TensorSpec(np.dtype(np.float64), (-1,))]),
)
mlflow.lightgbm.save_model(
    booster,
    folder,
    signature=signature if form == "signed" else None,
    pip_requirements=[f"lightgbm=={lightgbm.__version__}"],  # else it looks for them for seconds
)
