"""Joins a model with the external data file that its export wrote beside it."""

import onnx


def convert(path):
    """The model with all its weights inside. Reads no file but those in the model's own folder (onnx checks that)."""
    return onnx.load(path, load_external_data=True)
