#!/usr/bin/env python3
"""Says of every conversion whether it holds: the same bytes as the mirror's file, and the same answers to 1e-5.

Needs ../shared/models with its `upstream` folder beside the repository, and requirements-check.txt. Exit code 1 when
anything falls short; 0 with a line that says so when there is no mirror.
"""

import hashlib
import os
import pathlib
import sys

# Or it reports to its maker (decision 0370).
os.environ["ORT_DISABLE_TELEMETRY"] = "1"

import numpy as np
import onnxruntime
from PIL import Image

import convert

SHARED = pathlib.Path(__file__).resolve().parents[3] / "shared"
MODELS = SHARED / "models"
# recipe, the mirror's file, the recipe whose graph it rewrites, input side
CASES = [
    ("intel-0095", "face-reidentification-retail-0095.onnx", None, 128),
    ("intel-0095-leaky", "face-reidentification-retail-0095.leaky.onnx", "intel-0095", 128),
    ("minifasnet-v2", "minifasnet_v2_2.7_80x80.onnx", None, 80),
    ("minifasnet-v2-fast", "minifasnet_v2_2.7_80x80.fast.onnx", "minifasnet-v2", 80),
    ("minifasnet-v1se", "minifasnet_v1se_4.0_80x80.onnx", None, 80),
    ("minifasnet-v1se-fast", "minifasnet_v1se_4.0_80x80.fast.onnx", "minifasnet-v1se", 80),
]
TOLERANCE = 1e-5


def sha256(content):
    return hashlib.sha256(content).hexdigest()


def pictures(side):
    """Random pixels, and real photographs where the mirror has them; [n, 3, side, side] in BGR, 0-255."""
    random = np.random.default_rng(95).integers(0, 256, (8, 3, side, side)).astype(np.float32)
    photographs = sorted((SHARED / "data").glob("liveness_samples/*.jpg"))
    photographs += sorted((SHARED / "data/lfw_dev").rglob("*.jpg"))[:5]
    real = [np.asarray(Image.open(path).convert("RGB").resize((side, side)))[:, :, ::-1] for path in photographs]
    real = [picture.transpose(2, 0, 1).astype(np.float32) for picture in real]
    return np.stack([*random, *real]), len(random), len(real)


def answers(content, batch):
    session = onnxruntime.InferenceSession(content, providers=["CPUExecutionProvider"])
    return session.run(None, {"input": batch})[0]


def main():
    if not (MODELS / "upstream").is_dir():
        print(f"SKIPPED models/convert/check.py: no originals in {MODELS / 'upstream'}")
        return 0
    made, short = {}, 0
    for recipe, file, base, side in CASES:
        made[recipe] = convert.RECIPES[recipe](MODELS / "upstream").SerializeToString(deterministic=True)
        mirror = (MODELS / file).read_bytes()
        batch, random, real = pictures(side)
        mine = answers(made[recipe], batch)
        difference = float(np.abs(mine - answers(mirror, batch)).max())
        same = sha256(made[recipe]) == sha256(mirror)
        holds = same or difference <= TOLERANCE
        line = f"hash {'equal' if same else 'differs'}, outputs differ by {difference:.1e} ({random} random, {real} real)"
        if base:
            rewriting = float(np.abs(mine - answers(made[base], batch)).max())
            holds = holds and rewriting <= TOLERANCE * max(1.0, float(np.abs(mine).max()))
            line += f", rewriting changes {rewriting:.1e}"
        short += not holds
        print(f"{'holds      ' if holds else 'falls short'} {recipe}: {line}")
    return 1 if short else 0


if __name__ == "__main__":
    sys.exit(main())
