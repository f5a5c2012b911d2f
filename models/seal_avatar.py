#!/usr/bin/env python3
"""Writes size and SHA-256 of the avatar pack's two files into models/manifest.toml, after a training. Changes nothing else."""

import hashlib
import pathlib
import re
import sys

MODELS = pathlib.Path(__file__).resolve().parent
MANIFEST = MODELS / "manifest.toml"


def sealed(text, file):
    content = (MODELS / file).read_bytes()
    pattern = rf'(file = "{re.escape(file)}"\nbytes = )[\d_]+(\nsha256 = ")[0-9a-f]{{64}}"'
    text, count = re.subn(pattern, rf'\g<1>{len(content):_}\g<2>{hashlib.sha256(content).hexdigest()}"', text)
    if count != 1:
        sys.exit(f"{MANIFEST}: {file} should stand there once, followed by bytes and sha256; it does {count} times")
    print(f"{file}: {len(content)} bytes, {hashlib.sha256(content).hexdigest()}")
    return text


def main():
    text = MANIFEST.read_text()
    for file in ("avatar/detector.onnx", "avatar/embedder.onnx"):
        text = sealed(text, file)
    MANIFEST.write_text(text)


if __name__ == "__main__":
    main()
