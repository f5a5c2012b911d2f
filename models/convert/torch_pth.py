"""Reads the tensors of a PyTorch `.pth` without PyTorch and without executing what the file says.

A pickle can name any function to be called. This reader knows four names, makes plain numpy arrays of them, and
refuses every other. Both containers are read: the old one (five pickles and raw storages) and the zip.
"""

import collections
import io
import pickle
import struct
import zipfile

import numpy as np

MAGIC = 0x1950A86A20F9469CFC6C
STORAGES = {"FloatStorage": np.float32, "LongStorage": np.int64, "DoubleStorage": np.float64, "HalfStorage": np.float16}


class Storage:
    """A run of numbers, known by key; filled when the file's raw part is read."""

    def __init__(self, dtype, length):
        self.dtype, self.length, self.values = np.dtype(dtype), length, None


class View:
    """A tensor as the pickle describes it: a window on a storage."""

    def __init__(self, storage, offset, shape, stride, *_):
        self.storage, self.offset, self.shape, self.stride = storage, offset, tuple(shape), tuple(stride)

    def array(self):
        size = self.storage.dtype.itemsize
        last = self.offset + sum((n - 1) * s for n, s in zip(self.shape, self.stride))
        if 0 in self.shape or min(self.shape + self.stride + (self.offset,), default=0) < 0 or last >= self.storage.length:
            raise pickle.UnpicklingError("a tensor reaches outside its storage")
        base = self.storage.values[self.offset:]
        return np.lib.stride_tricks.as_strided(base, self.shape, [s * size for s in self.stride]).copy()


class Reader(pickle.Unpickler):
    def __init__(self, file, storages):
        super().__init__(file)
        self.storages = storages

    def find_class(self, module, name):
        if (module, name) == ("collections", "OrderedDict"):
            return collections.OrderedDict
        if (module, name) == ("torch._utils", "_rebuild_tensor_v2"):
            return View
        if module == "torch" and name in STORAGES:
            return STORAGES[name]
        raise pickle.UnpicklingError(f"the file names {module}.{name}, which is no part of a table of tensors: refused")

    def persistent_load(self, key):
        kind, dtype, name, _, length, *rest = key
        if kind != "storage" or (rest and rest[0] is not None):
            raise pickle.UnpicklingError("only plain storages are known")
        return self.storages.setdefault(name, Storage(dtype, length))


def load(path):
    """The tensors by name, as numpy arrays."""
    views, storages = load_zip(path) if zipfile.is_zipfile(path) else load_old(path)
    for key, storage in storages.items():
        if storage.values is None or len(storage.values) != storage.length:
            raise ValueError(f"{path}: storage {key} is missing or cut off")
    return {name: view.array() for name, view in views.items() if isinstance(view, View) and view.shape != ()}


def load_old(path):
    storages = {}
    with open(path, "rb") as file:
        if pickle_of(file, {}) != MAGIC:
            raise ValueError(f"{path}: no PyTorch file")
        pickle_of(file, {})  # protocol version
        if not pickle_of(file, {}).get("little_endian"):
            raise ValueError(f"{path}: big-endian files are not known")
        views = pickle_of(file, storages)
        for key in pickle_of(file, {}):
            storage = storages[key]
            (length,) = struct.unpack("<q", file.read(8))
            raw = file.read(length * storage.dtype.itemsize)
            if length != storage.length or len(raw) != length * storage.dtype.itemsize:
                raise ValueError(f"{path}: it ends inside storage {key}")
            storage.values = np.frombuffer(raw, storage.dtype)
    return views, storages


def load_zip(path):
    storages = {}
    with zipfile.ZipFile(path) as archive:
        root = next(name for name in archive.namelist() if name.endswith("/data.pkl"))[: -len("data.pkl")]
        views = pickle_of(io.BytesIO(archive.read(f"{root}data.pkl")), storages)
        for key, storage in storages.items():
            storage.values = np.frombuffer(archive.read(f"{root}data/{key}"), storage.dtype)
    return views, storages


def pickle_of(file, storages):
    return Reader(file, storages).load()
