#!/usr/bin/env python3
"""Trains the avatar pack: a detector and an embedder for faces that this project draws. They know no real people.

Never reads a photograph. The pictures come from the seeded renderer:
    cargo run -p scene --release --example dataset -- --out DATA
    /usr/bin/python3 models/avatar/train.py --data DATA          (Debian: python3-torch, python3-numpy; 13 min of one core)
    python3 models/avatar/evaluate.py --data DATA                (pip: onnxruntime, numpy, pillow)
The ONNX files have the inputs and outputs of the real pack (YuNet; Intel face-reidentification-retail-0095), so that every
stage of the program runs on them. Everything is seeded: the same seed, --threads and torch give the same bytes, unless
--budget-s ends training early on a slow machine.
"""
import argparse
import json
import os
import time

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

HERE = os.path.dirname(os.path.abspath(__file__))
STRIDES = (8, 16, 32)
# Which level learns a face of which size (px, square root of its area); the ranges overlap so that no size falls between.
SIZES = ((0, 52), (34, 110), (76, 10_000))


def conv(a, b, k=3, s=1, groups=1):
    return nn.Sequential(nn.Conv2d(a, b, k, s, k // 2, groups=groups, bias=False), nn.BatchNorm2d(b), nn.ReLU(inplace=True))


class Detector(nn.Module):
    """BGR 0-255, H and W multiples of 32 -> cls, obj, bbox, kps at strides 8, 16, 32, row-major, as YuNet gives them."""

    def __init__(self):
        super().__init__()
        self.stem = nn.Sequential(conv(3, 12, 3, 2), conv(12, 24, 3, 2))
        self.c8 = nn.Sequential(conv(24, 32, 3, 2), conv(32, 32))
        self.c16 = nn.Sequential(conv(32, 40, 3, 2), conv(40, 40))
        self.c32 = conv(40, 40, 3, 2)
        self.l32, self.l16 = nn.Conv2d(40, 40, 1), nn.Conv2d(40, 32, 1)
        self.smooth16, self.smooth8 = conv(40, 40), conv(32, 32)
        self.towers = nn.ModuleList([conv(32, 32), conv(40, 40), nn.Identity()])
        self.heads = nn.ModuleList([nn.Conv2d(c, 16, 1) for c in (32, 40, 40)])
        for head in self.heads:
            nn.init.constant_(head.bias[:2], -3.0)

    def forward(self, x):
        f8 = self.c8(self.stem((x - 127.5) * (1 / 128.0)))
        f16 = self.c16(f8)
        f32 = self.c32(f16)
        f16 = self.smooth16(f16 + F.interpolate(self.l32(f32), scale_factor=2.0, mode="nearest"))
        f8 = self.smooth8(f8 + F.interpolate(self.l16(f16), scale_factor=2.0, mode="nearest"))
        return [head(tower(f)) for head, tower, f in zip(self.heads, self.towers, (f8, f16, f32))]


class DetectorExport(nn.Module):
    """The detector with YuNet's twelve outputs."""

    def __init__(self, net):
        super().__init__()
        self.net = net

    def forward(self, x):
        maps = [m.permute(0, 2, 3, 1).reshape(1, -1, 16) for m in self.net(x)]
        parts = [[torch.sigmoid(m[:, :, 0:1]) for m in maps], [torch.sigmoid(m[:, :, 1:2]) for m in maps]]
        parts += [[m[:, :, 2:6] for m in maps], [m[:, :, 6:16] for m in maps]]
        return tuple(t for part in parts for t in part)


class Block(nn.Module):
    def __init__(self, c):
        super().__init__()
        self.conv, self.bn = nn.Conv2d(c, c, 3, 1, 1, bias=False), nn.BatchNorm2d(c)

    def forward(self, x):
        return F.relu(x + self.bn(self.conv(x)))


class Embedder(nn.Module):
    """BGR 0-255, N x 3 x 128 x 128, aligned -> N x 256, not normalised. Looks at the picture halved: the body takes 64 x 64."""

    def __init__(self):
        super().__init__()
        self.body = nn.Sequential(
            conv(3, 24, 3, 2), conv(24, 48, 3, 2), Block(48), conv(48, 64, 3, 2), Block(64),
            conv(64, 64, 3, 2, 64), conv(64, 96, 1),
        )
        # One weight per channel and place: where a thing is in an aligned face says what it is.
        self.gather = nn.Sequential(nn.Conv2d(96, 96, 4, groups=96, bias=False), nn.BatchNorm2d(96))
        self.out = nn.Linear(96, 256)

    def of_halved(self, x):
        return self.out(self.gather(self.body((x - 127.5) * (1 / 64.0))).flatten(1))

    def forward(self, x):
        return self.of_halved(F.avg_pool2d(x, 2))


class Pace:
    """Steps and learning rate; on a slow machine the budget shortens the course but keeps its shape."""

    def __init__(self, steps, budget_s, peak):
        self.steps, self.budget_s, self.peak, self.begin, self.step = steps, budget_s, peak, time.time(), 0

    def next(self, optimiser):
        done = max(self.step / self.steps, (time.time() - self.begin) / self.budget_s)
        self.step += 1
        lr = self.peak * min(1.0, self.step / 40) * (0.5 + 0.5 * np.cos(np.pi * min(done, 1.0)))
        for group in optimiser.param_groups:
            group["lr"] = max(lr, 1e-6)
        return done < 1.0


def say(pace, name, **values):
    if pace.step % 25 == 0:
        told = " ".join(f"{k} {v:.3f}" for k, v in values.items())
        print(f"{name} step {pace.step} {time.time() - pace.begin:.0f} s {told}", flush=True)


# --- embedder ---------------------------------------------------------------------------------------------------------
def load_faces(data, name, views, width):
    """Faces halved to 64 x 64, the size at which the net looks at them, n x views x 64 x 64 x 3; and the traits they were drawn from."""
    n = os.path.getsize(f"{data}/{name}.u8") // (views * 128 * 128 * 3)
    pixels = np.memmap(f"{data}/{name}.u8", np.uint8, "r", shape=(n, views, 128, 128, 3))
    small = np.empty((n, views, 64, 64, 3), np.uint8)
    for i in range(0, n, 50):
        p = pixels[i : i + 50].astype(np.uint16)
        small[i : i + 50] = (p[:, :, 0::2, 0::2] + p[:, :, 1::2, 0::2] + p[:, :, 0::2, 1::2] + p[:, :, 1::2, 1::2] + 2) // 4
    return small, np.fromfile(f"{data}/{name}_traits.f32", np.float32, n * width).reshape(n, width)


class Aim:
    """Traits, standardised, decorrelated and turned into 256 dimensions: what an ideal embedding of a person would be."""

    def __init__(self, traits, rng):
        self.mean, self.std = traits.mean(0), traits.std(0) + 1e-6
        z = self.standard(traits)
        values, vectors = np.linalg.eigh(np.cov(z.T) + 0.15 * np.eye(z.shape[1]))
        turn, _ = np.linalg.qr(rng.standard_normal((256, 256)))
        self.map = (vectors / np.sqrt(values)) @ turn[: z.shape[1]]

    def standard(self, traits):
        return np.clip((traits - self.mean) / self.std, -3, 3)

    def of(self, traits):
        return F.normalize(torch.tensor(self.standard(traits) @ self.map, dtype=torch.float32), dim=1)


def shifted(picture, rng):
    """Moved by up to 2 px each way, the rim repeated."""
    dx, dy = rng.integers(-2, 3, 2)
    at = np.arange(64)
    return picture[np.clip(at + dy, 0, 63)][:, np.clip(at + dx, 0, 63)]


def train_embedder(data, steps, budget_s, rng):
    head = json.load(open(f"{data}/faces_train.json"))
    pixels, traits = load_faces(data, "faces_train", head["views"], head["traits"])
    if len(pixels) < 500:
        raise SystemExit(f"{data}: only {len(pixels)} identities to train on; the dataset example makes 5000")
    aims = Aim(traits, rng).of(traits)
    net = Embedder()
    optimiser = torch.optim.AdamW(net.parameters(), lr=1e-3, weight_decay=1e-3)
    pace = Pace(steps, budget_s, 4e-3)
    order, batch, others = [], 64, 320
    same = torch.arange(batch)
    net.train()
    while pace.next(optimiser):
        if len(order) < batch:
            order = list(rng.permutation(len(pixels)))
        ids = [order.pop() for _ in range(batch)]
        views = [rng.choice(pixels.shape[1], 2, replace=False) for _ in ids]
        x = to_input(np.stack([shifted(pixels[i, v[k]], rng) for k in (0, 1) for i, v in zip(ids, views)]))
        x = x * torch.empty(len(x), 1, 1, 1).uniform_(0.93, 1.07) + torch.empty(len(x), 3, 1, 1).uniform_(-5, 5)
        e = F.normalize(net.of_halved(x.clamp(0, 255)), dim=1)
        want = aims[ids]
        trait = (1 - (e * torch.cat([want, want])).sum(1)).mean()
        # Each picture nearest to what its own person's embedding should be, among many people.
        crowd = torch.cat([want, aims[rng.choice(len(aims), others, replace=False)]])
        person = F.cross_entropy(e @ crowd.t() * 20, torch.cat([same, same]))
        a, b = e[:batch], e[batch:]
        logits = a @ b.t() / 0.07
        pair = (F.cross_entropy(logits, same) + F.cross_entropy(logits.t(), same)) / 2
        loss = trait + 0.3 * person + 0.5 * pair
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        say(pace, "embedder", trait=trait.item(), person=person.item(), pair=pair.item())
    return net.eval(), pace.step


def to_input(pictures):
    return torch.from_numpy(pictures).permute(0, 3, 1, 2).float()


# --- detector ---------------------------------------------------------------------------------------------------------
def assign(faces, side):
    """Targets of one picture at one level each: weight (-1 ignore, 0 none, 1 face), box and points in strides."""
    out = []
    for stride, (low, high) in zip(STRIDES, SIZES):
        n = side // stride
        ys, xs = np.mgrid[0:n, 0:n].astype(np.float32) * stride
        label = np.zeros((n, n), np.float32)
        value = np.zeros((n, n, 14), np.float32)
        for f in faces[faces[:, 16] > 0]:
            x, y, w, h = f[:4]
            cx, cy = x + w / 2, y + h / 2
            size = float(np.sqrt(w * h))
            if not low * 0.8 <= size < high * 1.25:
                continue  # A face of another level is no face here: else every nostril of a large one would be.
            far = np.maximum(np.abs(xs - cx), np.abs(ys - cy))
            label[(far < 0.38 * size) & (label == 0)] = -1
            if f[14] == 0 or not low <= size < high or size < 9:
                continue
            core = far <= max(0.20 * size, stride * 0.55)
            label[core] = 1
            box = np.stack([(cx - xs) / stride, (cy - ys) / stride, np.full_like(xs, np.log(w / stride)), np.full_like(xs, np.log(h / stride))], -1)
            points = np.stack([(f[4 + i] - (xs if i % 2 == 0 else ys)) / stride for i in range(10)], -1)
            value[core] = np.concatenate([box, points], -1)[core]
        out.append((label, value))
    return out


def mirror(picture, faces):
    side = picture.shape[1]
    faces = faces.copy()
    faces[:, 0] = side - faces[:, 0] - faces[:, 2]
    faces[:, 4:14:2] = side - faces[:, 4:14:2]
    faces[:, 4:14] = faces[:, [6, 7, 4, 5, 8, 9, 12, 13, 10, 11]]
    return picture[:, ::-1], faces


def zoom(picture, faces, rng):
    """A part of the picture, enlarged: faces larger than the renderer's crops hold."""
    side, keep = picture.shape[0], int(picture.shape[0] * rng.uniform(0.45, 0.9))
    left, top = rng.integers(0, side - keep + 1, 2)
    part = torch.from_numpy(np.ascontiguousarray(picture[top : top + keep, left : left + keep])).permute(2, 0, 1)[None].float()
    part = F.interpolate(part, size=(side, side), mode="bilinear", align_corners=False)[0].permute(1, 2, 0).numpy().astype(np.uint8)
    faces, by = faces.copy(), side / keep
    faces[:, 0:14:2] -= left
    faces[:, 1:14:2] -= top
    faces[:, 2:4] += (left, top)  # Width and height are no places.
    faces[:, :14] *= by
    x0, y0 = np.maximum(faces[:, 0], 0), np.maximum(faces[:, 1], 0)
    x1, y1 = np.minimum(faces[:, 0] + faces[:, 2], side), np.minimum(faces[:, 1] + faces[:, 3], side)
    seen = (np.clip(x1 - x0, 0, None) * np.clip(y1 - y0, 0, None)) / np.maximum(faces[:, 2] * faces[:, 3], 1e-6)
    faces[:, 14] *= seen > 0.6
    faces[:, 16] *= seen > 0.1
    return part, faces


def detector_loss(maps, labels):
    total = {"score": 0.0, "box": 0.0, "points": 0.0}
    for m, (label, value) in zip(maps, labels):
        m = m.permute(0, 2, 3, 1)
        positive, used = label > 0.5, label > -0.5
        n = positive.sum().clamp(min=4)
        for channel in (0, 1):
            p = m[..., channel][used]
            want = label[used].clamp(min=0)
            ce = F.binary_cross_entropy_with_logits(p, want, reduction="none")
            hard = (torch.sigmoid(p) - want).abs().detach() ** 1.5
            total["score"] = total["score"] + (ce * hard * (1 + want)).sum() / n
        if positive.any():
            got, want = m[positive][:, 2:], value[positive]
            # Wrong by a share of the face's size, whatever that is: a pixel on a small face costs more than on a large one.
            size = torch.exp((want[:, 2:3] + want[:, 3:4]) / 2)
            total["box"] = total["box"] + F.smooth_l1_loss(got[:, :2] / size, want[:, :2] / size, beta=0.05) + F.smooth_l1_loss(got[:, 2:4], want[:, 2:4], beta=0.05)
            total["points"] = total["points"] + F.smooth_l1_loss(got[:, 4:] / size, want[:, 4:] / size, beta=0.01)
    return total


def train_detector(data, steps, budget_s, rng):
    head = json.load(open(f"{data}/crowds_train.json"))
    n, side = head["n"], head["side"]
    pixels = np.memmap(f"{data}/crowds_train.u8", np.uint8, "r").reshape(n, side, side, 3)
    truth = np.fromfile(f"{data}/crowds_train_truth.f32", np.float32).reshape(n, -1, 17)
    net = Detector()
    optimiser = torch.optim.AdamW(net.parameters(), lr=1e-3, weight_decay=1e-3)
    pace = Pace(steps, budget_s, 4e-3)
    order, batch = [], 24
    net.train()
    while pace.next(optimiser):
        if len(order) < batch:
            order = list(rng.permutation(n))
        pictures, labels = [], []
        for i in [order.pop() for _ in range(batch)]:
            picture, faces = (pixels[i], truth[i]) if rng.random() < 0.5 else mirror(pixels[i], truth[i])
            if rng.random() < 0.3:
                picture, faces = zoom(picture, faces, rng)
            pictures.append(picture)
            labels.append(assign(faces, side))
        x = torch.from_numpy(np.ascontiguousarray(np.stack(pictures))).permute(0, 3, 1, 2).float()
        levels = [tuple(torch.from_numpy(np.stack([lab[k][j] for lab in labels])) for j in (0, 1)) for k in range(3)]
        parts = detector_loss(net(x), levels)
        # Places matter most: the embedder is aligned by them.
        loss = 0.5 * parts["score"] + 4.0 * parts["box"] + 20.0 * parts["points"]
        optimiser.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(net.parameters(), 10.0)
        optimiser.step()
        say(pace, "detector", **{k: float(v) for k, v in parts.items()})
    return net.eval(), pace.step


# --- export -----------------------------------------------------------------------------------------------------------
def export(net, example, path, inputs, outputs, axes):
    torch.onnx.export(net, example, path, opset_version=11, input_names=inputs, output_names=outputs, dynamic_axes=axes, do_constant_folding=True)
    print(f"{path}: {os.path.getsize(path)} bytes")


def export_detector(net, out):
    names = [f"{kind}_{s}" for kind in ("cls", "obj", "bbox", "kps") for s in STRIDES]
    axes = {"input": {2: "height", 3: "width"}, **{n: {1: "anchors_" + n.split("_")[1]} for n in names}}
    export(DetectorExport(net).eval(), torch.zeros(1, 3, 192, 256), f"{out}/detector.onnx", ["input"], names, axes)


def export_embedder(net, out):
    axes = {"input": {0: "batch"}, "embedding": {0: "batch"}}
    export(net, torch.zeros(2, 3, 128, 128), f"{out}/embedder.onnx", ["input"], ["embedding"], axes)


def main():
    p = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    p.add_argument("--data", required=True)
    p.add_argument("--out", default=HERE)
    p.add_argument("--part", choices=["both", "detector", "embedder"], default="both")
    p.add_argument("--seed", type=int, default=20260302)
    p.add_argument("--embedder-steps", type=int, default=1710)
    p.add_argument("--detector-steps", type=int, default=1890)
    p.add_argument("--threads", type=int, default=1)
    p.add_argument("--budget-s", type=float, default=float("inf"), help="seconds for each part at most (then a run can not be repeated)")
    a = p.parse_args()
    torch.set_num_threads(a.threads)
    if a.part in ("both", "detector"):
        torch.manual_seed(a.seed)
        net, steps = train_detector(a.data, a.detector_steps, a.budget_s, np.random.default_rng(a.seed))
        torch.save(net.state_dict(), f"{a.data}/detector.pt")
        export_detector(net, a.out)
        print("detector trained for", steps, "steps")
    if a.part in ("both", "embedder"):
        torch.manual_seed(a.seed)
        net, steps = train_embedder(a.data, a.embedder_steps, a.budget_s, np.random.default_rng(a.seed))
        torch.save(net.state_dict(), f"{a.data}/embedder.pt")
        export_embedder(net, a.out)
        print("embedder trained for", steps, "steps")


if __name__ == "__main__":
    main()
