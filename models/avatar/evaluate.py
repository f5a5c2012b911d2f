#!/usr/bin/env python3
"""Measures the exported avatar pack with ONNX Runtime on drawn faces it was never trained on, and writes figures.json and FIGURES.md.

    python3 models/avatar/evaluate.py --data DATA      (pip: onnxruntime, numpy, pillow; DATA as for train.py)
Detection: crowded crops of unseen seeds, and whole frames of the scripted morning at 1280x720 and 640x360. Embedding: identities
never trained on. The morning: detect, align, embed, match against one drawn enrolment picture each, as the agent does.
"""
import argparse
import hashlib
import json
import os
import re

# Or it reports to its maker (decision 0370).
os.environ["ORT_DISABLE_TELEMETRY"] = "1"

import numpy as np
import onnxruntime as ort
from PIL import Image

HERE = os.path.dirname(os.path.abspath(__file__))
STRIDES = (8, 16, 32)
SCORE, NMS = 0.6, 0.3
TEMPLATE = 128 * np.array([(0.315569, 0.461574), (0.682623, 0.461574), (0.500262, 0.640505), (0.349472, 0.824692), (0.653436, 0.824692)])


def session(path):
    options = ort.SessionOptions()
    options.intra_op_num_threads = 1
    return ort.InferenceSession(path, options, providers=["CPUExecutionProvider"])


def overlap(a, b):
    w = min(a[0] + a[2], b[0] + b[2]) - max(a[0], b[0])
    h = min(a[1] + a[3], b[1] + b[3]) - max(a[1], b[1])
    both = max(w, 0) * max(h, 0)
    return both / (a[2] * a[3] + b[2] * b[3] - both)


def detect(net, bgr):
    """YuNet's decoding (models.md): rows of x, y, w, h, ten point coordinates, score."""
    h, w = bgr.shape[:2]
    padded = np.zeros((-(-h // 32) * 32, -(-w // 32) * 32, 3), np.float32)
    padded[:h, :w] = bgr
    out = net.run(None, {"input": padded.transpose(2, 0, 1)[None]})
    rows = []
    for i, s in enumerate(STRIDES):
        cols = padded.shape[1] // s
        score = np.sqrt(np.clip(out[i][0, :, 0], 0, 1) * np.clip(out[3 + i][0, :, 0], 0, 1))
        for j in np.flatnonzero(score >= SCORE):
            r, c = divmod(j, cols)
            b, k = out[6 + i][0, j], out[9 + i][0, j]
            cx, cy, bw, bh = (c + b[0]) * s, (r + b[1]) * s, np.exp(b[2]) * s, np.exp(b[3]) * s
            points = (k.reshape(5, 2) + (c, r)) * s
            rows.append([cx - bw / 2, cy - bh / 2, bw, bh, *points.ravel(), score[j]])
    rows.sort(key=lambda r: -r[-1])
    kept = []
    for r in rows:
        if all(overlap(r, k) < NMS for k in kept):
            kept.append(r)
    return kept


def embed(net, crops):
    out = [net.run(None, {"input": crops[i : i + 64].transpose(0, 3, 1, 2).astype(np.float32)})[0] for i in range(0, len(crops), 64)]
    e = np.concatenate(out)
    return e / np.linalg.norm(e, axis=1, keepdims=True)


def align(bgr, points):
    """Least-squares similarity without reflection, bilinear cut to 128x128."""
    p = np.asarray(points, float).reshape(5, 2)
    mp, mt = p.mean(0), TEMPLATE.mean(0)
    u, v = TEMPLATE - mt, p - mp
    n = (u**2).sum()
    a, b = (u * v).sum() / n, (u[:, 0] * v[:, 1] - u[:, 1] * v[:, 0]).sum() / n
    ys, xs = np.mgrid[0:128, 0:128].astype(float)
    xs, ys = xs - mt[0], ys - mt[1]
    x, y = mp[0] + a * xs - b * ys, mp[1] + b * xs + a * ys
    h, w = bgr.shape[:2]
    inside = (x >= 0) & (y >= 0) & (x < w - 1) & (y < h - 1)
    x, y = np.clip(x, 0, w - 1.001), np.clip(y, 0, h - 1.001)
    ix, iy = x.astype(int), y.astype(int)
    tx, ty = (x - ix)[..., None], (y - iy)[..., None]
    f = bgr.astype(float)
    top = f[iy, ix] * (1 - tx) + f[iy, ix + 1] * tx
    low = f[iy + 1, ix] * (1 - tx) + f[iy + 1, ix + 1] * tx
    return (top * (1 - ty) + low * ty) * inside[..., None]


def recall(net, pictures, truth, least_px, cut_too=True):
    """Share of facing faces found (overlap above 0.5), of masked ones, false boxes a picture, landmark error over eye distance."""
    hit, masked, false, errors = [], [], 0, []
    for picture, faces in zip(pictures, truth):
        found = detect(net, picture)
        faces = faces[faces[:, 16] > 0]
        seen = np.minimum(faces[:, :2] + faces[:, 2:4], picture.shape[1::-1]) - np.maximum(faces[:, :2], 0)
        whole = (seen[:, 0] > 0.95 * faces[:, 2]) & (seen[:, 1] > 0.95 * faces[:, 3])
        for f in faces[(faces[:, 14] > 0) & (faces[:, 2] >= least_px) & (whole | cut_too)]:
            best = max(found, key=lambda r: overlap(r, f), default=None)
            ok = best is not None and overlap(best, f) > 0.5
            hit.append(ok)
            if f[15] > 0:
                masked.append(ok)
            if ok:
                p, q = np.array(best[4:14]).reshape(5, 2), f[4:14].reshape(5, 2)
                errors.append(np.linalg.norm(p - q, axis=1).mean() / max(f[2] * 0.4, 1))
        false += sum(all(overlap(r, f) < 0.3 for f in faces) for r in found)
    return {
        "faces": len(hit), "recall": float(np.mean(hit)), "masked_faces": len(masked),
        "masked_recall": float(np.mean(masked)) if masked else None,
        "false_boxes_per_picture": false / len(pictures), "landmark_error_of_eye_distance": float(np.mean(errors)),
    }


def rates(genuine, impostor):
    out = {}
    for fmr in (1e-2, 1e-3, 1e-4, 1e-5):
        at = float(np.quantile(impostor, 1 - fmr))
        out[f"fmr_{fmr:g}"] = {"threshold": at, "tar": float((genuine > at).mean())}
    out["genuine"], out["impostor"] = len(genuine), len(impostor)
    return out


def embedding_figures(net, data):
    head = json.load(open(f"{data}/faces_test.json"))
    n, v = head["identities"], head["views"]
    e = embed(net, np.memmap(f"{data}/faces_test.u8", np.uint8, "r").reshape(n * v, 128, 128, 3))
    masked = np.fromfile(f"{data}/faces_test_masked.u8", np.uint8) > 0
    who = np.repeat(np.arange(n), v)

    def pairs(a, b):
        s = e[a] @ e[b].T
        same = who[a][:, None] == who[b][None]
        other = a[:, None] != b[None]
        return s[same & other], s[~same]

    bare, covered = np.flatnonzero(~masked), np.flatnonzero(masked)
    return {"identities": n, "bare": rates(*pairs(bare, bare)), "masked_probe": rates(*pairs(covered, bare))}


def half(bgr):
    f = bgr.astype(np.float32)
    return (f[0::2, 0::2] + f[1::2, 0::2] + f[0::2, 1::2] + f[1::2, 1::2]) / 4


def morning(det, emb, data, scenes, truth, names, shrink):
    """Scores of the morning's people against the enrolled ones, found in frames made `shrink` times smaller and cut from the full frame."""
    ids = sorted(f[:-4] for f in os.listdir(f"{data}/enrol"))
    gallery = []
    for i in ids:
        picture = np.asarray(Image.open(f"{data}/enrol/{i}.png").convert("RGB"))[:, :, ::-1]
        found = detect(det, picture)
        if len(found) != 1:
            print(f"enrolment picture of {i}: {len(found)} faces found")
        if not found:
            raise SystemExit(1)
        gallery.append(align(picture, found[0][4:14]))
    gallery = embed(emb, np.array(gallery))
    told = {}
    for frame, faces, present in zip(scenes, truth, names):
        for found in detect(det, half(frame) if shrink == 2 else frame):
            full = np.array(found[:14]) * shrink
            for k, person in enumerate(present):
                if overlap(full, faces[k]) > 0.5:
                    s = gallery @ embed(emb, align(frame, full[4:14])[None])[0]
                    key = person + (" (masked)" if faces[k][15] else "")
                    told.setdefault(key, []).append((s[ids.index(person)] if person in ids else np.nan, np.max([s[j] for j, g in enumerate(ids) if g != person])))
    people = {}
    for key, scores in sorted(told.items()):
        s = np.array(scores)
        people[key] = {"frames": len(s), "best_other_max": float(s[:, 1].max()), "best_other_mean": float(s[:, 1].mean())}
        if not np.isnan(s[:, 0]).any():
            people[key].update(own_min=float(s[:, 0].min()), own_5_percent=float(np.quantile(s[:, 0], 0.05)), own_mean=float(s[:, 0].mean()), margin_min=float((s[:, 0] - s[:, 1]).min()))
    off = gallery @ gallery.T - np.eye(len(ids)) * 2
    return {"enrolled": len(ids), "closest_enrolled_pair": float(off.max()), "people": people}


def page(f):
    d, e = f["detection"], f["embedding"]
    lines = ["# Figures of the avatar pack", "", "Written by `evaluate.py` with ONNX Runtime; drawn faces only. It knows no real people.", ""]
    lines += ["| detection (score 0.6, overlap 0.5) | faces | recall | masked recall | false boxes a picture | landmark error ÷ eye distance |", "|---|---|---|---|---|---|"]
    for name, r in d.items():
        m = "–" if r["masked_recall"] is None else f"{100 * r['masked_recall']:.1f} % of {r['masked_faces']}"
        lines.append(f"| {name} | {r['faces']} | {100 * r['recall']:.1f} % | {m} | {r['false_boxes_per_picture']:.3f} | {r['landmark_error_of_eye_distance']:.3f} |")
    lines += ["", f"| embedding, {e['identities']} identities never trained on | TAR@FMR 1e-2 | 1e-3 | 1e-4 | 1e-5 |", "|---|---|---|---|---|"]
    for name in ("bare", "masked_probe"):
        cells = [f"{100 * e[name][k]['tar']:.2f} % ({e[name][k]['threshold']:.3f})" for k in ("fmr_0.01", "fmr_0.001", "fmr_0.0001", "fmr_1e-05")]
        lines.append(f"| {name.replace('_', ' ')} ({e[name]['genuine']:,} genuine, {e[name]['impostor']:,} impostor pairs) | " + " | ".join(cells) + " |")
    for side, m in f["morning"].items():
        lines += ["", f"The morning, found at a longest side of {side} px, one enrolment picture each of {m['enrolled']} persons (closest enrolled pair {m['closest_enrolled_pair']:.3f}):", ""]
        lines += ["| who | frames | own score min / 5 % / mean | best other max / mean | least margin |", "|---|---|---|---|---|"]
        for who, p in m["people"].items():
            own = f"{p['own_min']:.3f} / {p['own_5_percent']:.3f} / {p['own_mean']:.3f}" if "own_min" in p else "not enrolled"
            margin = f"{p['margin_min']:.3f}" if "margin_min" in p else "–"
            lines.append(f"| {who} | {p['frames']} | {own} | {p['best_other_max']:.3f} / {p['best_other_mean']:.3f} | {margin} |")
    lines += ["", "| file | bytes | SHA-256 |", "|---|---|---|"]
    lines += [f"| {name} | {v['bytes']} | `{v['sha256']}` |" for name, v in f["files"].items()]
    return "\n".join(lines) + "\n"


def stamp(files):
    """Writes size and hash of the two files into models/manifest.toml, which vouches for them."""
    path = os.path.join(HERE, "..", "manifest.toml")
    text = open(path).read()
    for name, v in files.items():
        entry = rf'(file = "avatar/{re.escape(name)}"\nbytes = )[\d_]+(\nsha256 = ")[0-9a-f]+'
        text, n = re.subn(entry, lambda m: f'{m[1]}{v["bytes"]:_}{m[2]}{v["sha256"]}', text)
        if n != 1:
            raise SystemExit(f"manifest.toml: no entry for avatar/{name}")
    with open(path, "w") as to:
        to.write(text)


def main():
    p = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    p.add_argument("--data", required=True)
    p.add_argument("--models", default=HERE)
    p.add_argument("--every", type=int, default=1, help="take every n-th picture only")
    p.add_argument("--quick", action="store_true", help="nothing written")
    a = p.parse_args()
    det, emb = session(f"{a.models}/detector.onnx"), session(f"{a.models}/embedder.onnx")
    head = json.load(open(f"{a.data}/crowds_test.json"))
    crowds = np.memmap(f"{a.data}/crowds_test.u8", np.uint8, "r").reshape(head["n"], head["side"], head["side"], 3)
    crowd_truth = np.fromfile(f"{a.data}/crowds_test_truth.f32", np.float32).reshape(head["n"], -1, 17)
    names = json.load(open(f"{a.data}/scenes.json"))["frames"]
    scenes = np.memmap(f"{a.data}/scenes.u8", np.uint8, "r").reshape(len(names), 720, 1280, 3)
    truth = np.fromfile(f"{a.data}/scenes_truth.f32", np.float32).reshape(len(names), -1, 17)
    every = a.every
    halved = truth[::every].copy()
    halved[:, :, :14] /= 2
    figures = {
        "detection": {
            "crowded crops, faces from 16 px, up to 45 % cut off by the edge": recall(det, crowds[::every], crowd_truth[::every], 16),
            "the same, whole faces": recall(det, crowds[::every], crowd_truth[::every], 16, cut_too=False),
            "the morning at 1280x720": recall(det, scenes[::every], truth[::every], 16),
            "the morning at 640x360": recall(det, [half(s) for s in scenes[::every]], halved, 16),
        },
        "embedding": embedding_figures(emb, a.data),
        "morning": {side: morning(det, emb, a.data, scenes[::every], truth[::every], names[::every], shrink) for side, shrink in (("640", 2), ("1280", 1))},
        "files": {},
    }
    for name in ("detector.onnx", "embedder.onnx"):
        raw = open(f"{a.models}/{name}", "rb").read()
        figures["files"][name] = {"bytes": len(raw), "sha256": hashlib.sha256(raw).hexdigest()}
    print(page(figures))
    if not a.quick:
        with open(f"{HERE}/figures.json", "w") as to:
            json.dump(figures, to, indent=1)
        with open(f"{HERE}/FIGURES.md", "w") as to:
            to.write(page(figures))
        stamp(figures["files"])


if __name__ == "__main__":
    main()
