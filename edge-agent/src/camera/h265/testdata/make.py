#!/usr/bin/env python3
"""Makes the streams of the H.265 tests, as ../../h264/testdata/make.py does those of H.264 (the same pictures and files):
python3 make.py (needs ffmpeg with libx265, and the packages av and numpy). NAME.unit: a first access unit alone."""
import subprocess, struct
import av, numpy as np

QUIET = "log-level=0:no-info=1:frame-threads=1:pools=1:repeat-headers=0:"
STREAMS = {
    "main": (60, "yuv420p", QUIET + "bframes=0:keyint=20:min-keyint=20:scenecut=0"),
    "pyramid": (100, "yuv420p", QUIET + "bframes=3:b-adapt=0:b-pyramid=1:keyint=25:min-keyint=25:no-open-gop=1:scenecut=0"),
    "slices": (100, "yuv420p", QUIET + "bframes=2:b-adapt=0:slices=3:ctu=16:keyint=25:min-keyint=25:no-open-gop=1:scenecut=0"),
    "open": (100, "yuv420p", QUIET + "bframes=3:b-adapt=0:open-gop=1:keyint=25:min-keyint=25:scenecut=0"),
    "ten": (60, "yuv420p10le", QUIET + "bframes=2:keyint=20:min-keyint=20:scenecut=0"),
}
SETS = {"422": "yuv422p", "12bit": "yuv420p12le", "wide": "yuv420p"}

def pictures(n, w=128, h=96):
    yy, xx = np.mgrid[0:h, 0:w]
    for i in range(n):
        f = ((xx + 2 * yy + 3 * i) % 200).astype(np.uint8)
        for b in range(8):
            f[0:16, b * 16:(b + 1) * 16] = 235 if i >> b & 1 else 16
        yield f

def encode(name, n, pixel, options, size=None):
    out = f"/tmp/{name}-h265.mkv"
    scale = ["-s", size] if size else []
    p = subprocess.Popen(["ffmpeg", "-v", "error", "-y", "-f", "rawvideo", "-pix_fmt", "gray", "-s", "128x96", "-r", "25", "-i", "-",
                          *scale, "-pix_fmt", pixel, "-c:v", "libx265", "-preset", "fast", "-crf", "32", "-x265-params", options, out],
                         stdin=subprocess.PIPE)
    for f in pictures(n):
        p.stdin.write(f.tobytes())
    p.stdin.close()
    assert p.wait() == 0
    return out

def sets(ex):
    """VPS, SPS and PPS of an HEVCDecoderConfigurationRecord."""
    out, q = b"", 23
    for _ in range(ex[22]):
        count = struct.unpack(">H", ex[q + 1:q + 3])[0]; q += 3
        for _ in range(count):
            l = struct.unpack(">H", ex[q:q + 2])[0]
            if ex[q + 2] >> 1 & 63 in (32, 33, 34):
                out += b"\0\0\0\1" + ex[q + 2:q + 2 + l]
            q += 2 + l
    return out

def read(path):
    c = av.open(path); st = c.streams.video[0]; head = sets(bytes(st.codec_context.extradata))
    units = []
    for k in c.demux(st):
        if not k.size:
            continue
        d, p, a = bytes(k), 0, head if k.is_keyframe else b""
        while p + 4 <= len(d):
            l = struct.unpack(">I", d[p:p + 4])[0]
            if d[p + 4] >> 1 & 63 < 32:
                a += b"\0\0\0\1" + d[p + 4:p + 4 + l]
            p += 4 + l
        units.append((round(float(k.pts * k.time_base) * 90000), a))
    return units

for name, (n, pixel, options) in STREAMS.items():
    with open(f"{name}.units", "wb") as f:
        for stamp, unit in read(encode(name, n, pixel, options)):
            f.write(struct.pack(">II", stamp, len(unit)) + unit)
for name, pixel in SETS.items():
    size = "4160x96" if name == "wide" else None
    open(f"{name}.unit", "wb").write(read(encode(name, 1, pixel, QUIET, size))[0][1][:400])
