#!/usr/bin/env python3
"""Makes golden/real.json: boxes, points and embeddings of a few photographs by an independent implementation.

OpenCV's FaceDetectorYN finds the faces, numpy aligns them (Umeyama by singular value decomposition, bilinear), and
OpenCV's dnn runs the embedder and the liveness networks. Only numbers are written, never a picture.
Needs numpy and opencv-python-headless (4.10 or newer).

    python3 crates/vision/golden/make.py MODELS_DIR PHOTOS_DIR > crates/vision/golden/real.json
"""

import hashlib
import json
import sys
from pathlib import Path

import cv2
import numpy as np

PHOTOS = 6  # taken evenly from the sorted list of people; PNG, so that no JPEG decoder stands between
TEMPLATE = np.array(
    [[0.315569, 0.461574], [0.682623, 0.461574], [0.500262, 0.640505], [0.349472, 0.824692], [0.653436, 0.824692]]
) * 128


def umeyama(source, target):
    """The similarity without reflection (Umeyama 1991), as a 2x3 matrix."""
    ms, mt = source.mean(0), target.mean(0)
    cs, ct = source - ms, target - mt
    u, d, vt = np.linalg.svd(ct.T @ cs / len(source))
    s = np.diag([1.0, np.sign(np.linalg.det(u) * np.linalg.det(vt))])
    r = u @ s @ vt
    scale = np.trace(np.diag(d) @ s) / cs.var(0).sum()
    return np.hstack([scale * r, (mt - scale * r @ ms)[:, None]])


def warp(image, matrix, size):
    """Bilinear without rounding; black outside."""
    inverse = np.linalg.inv(np.vstack([matrix, [0, 0, 1]]))[:2]
    ys, xs = np.mgrid[0:size, 0:size].astype(np.float64)
    u, v = np.tensordot(inverse, np.stack([xs, ys, np.ones_like(xs)]), 1)
    padded = np.pad(image.astype(np.float64), ((1, 2), (1, 2), (0, 0)))
    height, width = image.shape[:2]
    u, v = np.clip(u, -1, width) + 1, np.clip(v, -1, height) + 1
    x, y = np.floor(u).astype(int), np.floor(v).astype(int)
    fx, fy = (u - x)[..., None], (v - y)[..., None]
    upper = padded[y, x] * (1 - fx) + padded[y, x + 1] * fx
    lower = padded[y + 1, x] * (1 - fx) + padded[y + 1, x + 1] * fx
    return upper * (1 - fy) + lower * fy


def run(net, planes):
    net.setInput(np.ascontiguousarray(planes.transpose(2, 0, 1)[None], dtype=np.float32))
    return net.forward().reshape(-1).astype(np.float64)


def unit(vector):
    return vector / np.linalg.norm(vector)


def live(nets, image, box):
    """Mean probability of "live", the crops as Silent-Face-Anti-Spoofing cuts them."""
    height, width = image.shape[:2]
    total = 0.0
    for net, scale in nets:
        x, y, w, h = box
        s = min(scale, (height - 1) / h, (width - 1) / w)
        nw, nh = w * s, h * s
        left = max(0.0, min(x + w / 2 - nw / 2, width - 1 - nw))
        top = max(0.0, min(y + h / 2 - nh / 2, height - 1 - nh))
        crop = image[int(top) : int(top + nh) + 1, int(left) : int(left + nw) + 1]
        logits = run(net, cv2.resize(crop.astype(np.float32), (80, 80)))
        exp = np.exp(logits - logits.max())
        total += exp[1] / exp.sum()
    return total / len(nets)


def pattern(size):
    """A picture by formula, so that the embedder can be checked without any photograph."""
    y, x, c = np.mgrid[0:size, 0:size, 0:3]
    return ((x * (3 + c) + y * (7 - c) + (x * y // 16) * (c + 1)) % 256).astype(np.uint8)


def main():
    models, photos = Path(sys.argv[1]), Path(sys.argv[2])
    detector = cv2.FaceDetectorYN.create(str(models / "face_detection_yunet_2026may.onnx"), "", (320, 320), 0.6, 0.3)
    embedder = cv2.dnn.readNetFromONNX(str(models / "face-reidentification-retail-0095.onnx"))
    liveness = [
        (cv2.dnn.readNetFromONNX(str(models / "minifasnet_v2_2.7_80x80.onnx")), 2.7),
        (cv2.dnn.readNetFromONNX(str(models / "minifasnet_v1se_4.0_80x80.onnx")), 4.0),
    ]
    people = sorted(d for d in photos.iterdir() if d.is_dir())
    chosen = [sorted(people[i * len(people) // PHOTOS].iterdir())[0] for i in range(PHOTOS)]
    rows = []
    for path in chosen:
        image = cv2.imread(str(path), cv2.IMREAD_COLOR)
        detector.setInputSize((image.shape[1], image.shape[0]))
        _, found = detector.detect(image)
        faces = [
            {"rect": f[:4].tolist(), "landmarks": f[4:14].reshape(5, 2).tolist(), "score": float(f[14])}
            for f in sorted(found.astype(np.float64), key=lambda f: -f[14])
        ]
        aligned = warp(image, umeyama(np.array(faces[0]["landmarks"]), TEMPLATE), 128)
        rows.append(
            {
                "path": str(path.relative_to(photos)),
                "sha256": hashlib.sha256(path.read_bytes()).hexdigest(),
                "faces": faces,
                "embedding": unit(run(embedder, aligned)).tolist(),
                "live": float(live(liveness, image, faces[0]["rect"])),
            }
        )
    out = {
        "opencv": cv2.__version__,
        "photos": rows,
        "pattern_embedding": unit(run(embedder, pattern(128).astype(np.float64))).tolist(),
    }
    json.dump(round_all(out), sys.stdout, indent=1)


def round_all(value):
    if isinstance(value, float):
        return round(value, 7)
    if isinstance(value, list):
        return [round_all(v) for v in value]
    return {k: round_all(v) for k, v in value.items()} if isinstance(value, dict) else value


main()
