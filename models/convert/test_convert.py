#!/usr/bin/env python3
"""What a damaged or hostile original leads to: a refusal in words, never an execution. Needs numpy and onnx only.

    python3 -m unittest discover -s models/convert
"""

import os
import pathlib
import pickle
import struct
import tempfile
import unittest

import numpy as np

import openvino_ir
import torch_pth


class Evil:
    def __init__(self, command):
        self.command = command

    def __reduce__(self):
        return os.system, (self.command,)


class Tensor:
    """Pickles as PyTorch's old format does: a view on a storage that the persistent id names."""

    def __init__(self, offset, shape, stride, length):
        self.window, self.length = (offset, shape, stride), length


class Writer(pickle.Pickler):
    def persistent_id(self, value):
        return ("storage", FloatStorage, "7", "cpu", value.length, None) if isinstance(value, Storage) else None

    def reducer_override(self, value):
        if isinstance(value, Tensor):
            return rebuild, (Storage(value.length), *value.window, False, {})
        return NotImplemented


class Storage:
    def __init__(self, length):
        self.length = length


class FloatStorage:
    pass


def rebuild(*_):
    pass


FloatStorage.__module__, FloatStorage.__qualname__ = "torch", "FloatStorage"
rebuild.__module__, rebuild.__qualname__ = "torch._utils", "_rebuild_tensor_v2"


def old_format(path, tensor, values):
    """Writes a .pth of one tensor in the old container."""
    import sys
    import types

    torch, utils = types.ModuleType("torch"), types.ModuleType("torch._utils")
    torch.FloatStorage, torch._utils, utils._rebuild_tensor_v2 = FloatStorage, utils, rebuild
    sys.modules.update({"torch": torch, "torch._utils": utils})
    try:
        with open(path, "wb") as file:
            for value in (torch_pth.MAGIC, 1001, {"little_endian": True}):
                pickle.dump(value, file, 2)
            Writer(file, 2).dump({"w": tensor})
            pickle.dump(["7"], file, 2)
            file.write(struct.pack("<q", len(values)) + np.asarray(values, np.float32).tobytes())
    finally:
        del sys.modules["torch"], sys.modules["torch._utils"]


class Pth(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.path = pathlib.Path(self.folder.name) / "a.pth"
        self.addCleanup(self.folder.cleanup)

    def test_a_tensor_comes_back_with_its_strides(self):
        old_format(self.path, Tensor(1, (2, 2), (1, 2), 6), [0, 1, 2, 3, 4, 5])
        np.testing.assert_array_equal(torch_pth.load(self.path)["w"], [[1, 3], [2, 4]])

    def test_a_function_named_in_the_file_is_refused_and_not_called(self):
        mark = self.path.with_name("called")
        with open(self.path, "wb") as file:
            pickle.dump(Evil(f"touch {mark}"), file, 2)
        with self.assertRaisesRegex(pickle.UnpicklingError, "system.*refused"):
            torch_pth.load(self.path)
        self.assertFalse(mark.exists())

    def test_a_truncated_file_is_refused(self):
        old_format(self.path, Tensor(0, (6,), (1,), 6), range(6))
        whole = self.path.read_bytes()
        for length in (0, 10, len(whole) // 2, len(whole) - 1):
            self.path.write_bytes(whole[:length])
            with self.assertRaises((ValueError, EOFError, pickle.UnpicklingError, struct.error)):
                torch_pth.load(self.path)

    def test_a_tensor_that_reaches_outside_its_storage_is_refused(self):
        for window in ((0, (7,), (1,)), (5, (2,), (1,)), (0, (2,), (-1,)), (-1, (2,), (1,))):
            old_format(self.path, Tensor(*window, 6), range(6))
            with self.assertRaisesRegex(pickle.UnpicklingError, "outside its storage"):
                torch_pth.load(self.path)


class OpenVino(unittest.TestCase):
    def network(self, layers, weights=b"", version="11"):
        folder = pathlib.Path(self.enterContext(tempfile.TemporaryDirectory()))
        (folder / "n.xml").write_text(f'<net version="{version}"><layers>{layers}</layers><edges/></net>')
        (folder / "n.bin").write_bytes(weights)
        return folder / "n.xml", folder / "n.bin"

    def test_an_unknown_layer_is_named(self):
        paths = self.network('<layer id="0" type="LSTM"/>')
        with self.assertRaisesRegex(ValueError, "layer 0: LSTM is not known"):
            openvino_ir.convert(*paths, "n", (8, 8), 4)

    def test_another_version_is_refused(self):
        with self.assertRaisesRegex(ValueError, "IR version 10"):
            openvino_ir.convert(*self.network("", version="10"), "n", (8, 8), 4)

    def test_a_truncated_bin_is_told(self):
        data = '<data element_type="f16" shape="4" offset="0" size="8"/>'
        network = openvino_ir.Network(*self.network(f'<layer id="0" type="Const">{data}</layer>', b"1234567"))
        with self.assertRaisesRegex(ValueError, "truncated"):
            network.constant(0)


if __name__ == "__main__":
    unittest.main()
