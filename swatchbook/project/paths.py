"""Where a project's models stand; without what reads them, so that options can name them."""

from pathlib import Path

NETWORK = Path("models/network.onnx")
CLASSIFIER = Path("models/classifier.onnx")
# the bundle: what is deployed
MODEL = Path("models/model.onnx")
