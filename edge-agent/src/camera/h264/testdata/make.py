#!/usr/bin/env python3
"""Makes the streams of the H.264 tests: python3 make.py (needs ffmpeg with libx264, and the packages av and numpy).

Each picture has its number in its first 16 rows, as 8 blocks of 16 px that are light (1) or dark (0), the lowest bit first.
NAME.units: for each access unit in the order of decoding: its time stamp (90 kHz, u32), its length (u32), then the unit with
start codes; big-endian. NAME.sps: a sequence parameter set alone."""
import subprocess, struct
import av, numpy as np

STREAMS = {
    "baseline": (60, "-profile:v baseline -g 30"),
    "main-cavlc": (100, "-profile:v main -coder 0 -bf 1 -g 25"),
    "main-cabac": (100, "-profile:v main -coder 1 -bf 3 -b_strategy 0 -x264-params b-pyramid=none -g 25"),
    "high-pyramid": (100, "-profile:v high -bf 3 -b_strategy 0 -x264-params b-pyramid=normal -g 25"),
    "high-slices": (100, "-profile:v high -bf 2 -b_strategy 0 -slices 4 -g 25"),
    "high-long": (250, "-profile:v high -bf 3 -b_strategy 0 -x264-params b-pyramid=normal -g 250 -sc_threshold 0"),
    "high-open": (100, "-profile:v high -bf 3 -b_strategy 0 -x264-params open-gop=1:b-pyramid=normal -g 25"),
}
SETS = {
    "main": "-profile:v main -bf 2", "high": "-profile:v high -bf 3", "baseline": "-profile:v baseline",
    "interlaced": "-profile:v high -flags +ildct+ilme -x264-params interlaced=1", "422": "-profile:v high422 -pix_fmt yuv422p",
    "10bit": "-profile:v high10 -pix_fmt yuv420p10le", "wide": "-profile:v high -s 4112x32",
}

def pictures(n, w=128, h=96):
    yy, xx = np.mgrid[0:h, 0:w]
    for i in range(n):
        f = ((xx + 2 * yy + 3 * i) % 200).astype(np.uint8)
        for b in range(8):
            f[0:16, b * 16:(b + 1) * 16] = 235 if i >> b & 1 else 16
        yield f

def encode(name, n, options):
    out = f"/tmp/{name}.mkv"
    pixel = [] if "-pix_fmt" in options else ["-pix_fmt", "yuv420p"]
    p = subprocess.Popen(["ffmpeg", "-v", "error", "-y", "-f", "rawvideo", "-pix_fmt", "gray", "-s", "128x96", "-r", "25",
                          "-i", "-", *pixel, "-c:v", "libx264", "-crf", "30", "-threads", "1", *options.split(), out],
                         stdin=subprocess.PIPE)
    for f in pictures(n):
        p.stdin.write(f.tobytes())
    p.stdin.close()
    assert p.wait() == 0
    return out

def read(path):
    c = av.open(path); st = c.streams.video[0]; ex = bytes(st.codec_context.extradata)
    l = struct.unpack(">H", ex[6:8])[0]; sps = ex[8:8 + l]; q = 8 + l
    l = struct.unpack(">H", ex[q + 1:q + 3])[0]; pps = ex[q + 3:q + 3 + l]
    units = []
    for k in c.demux(st):
        if not k.size:
            continue
        d, p, a = bytes(k), 0, b""
        if k.is_keyframe:
            a = b"\0\0\0\1" + sps + b"\0\0\0\1" + pps
        while p + 4 <= len(d):
            l = struct.unpack(">I", d[p:p + 4])[0]
            if d[p + 4] & 31 not in (6, 9):
                a += b"\0\0\0\1" + d[p + 4:p + 4 + l]
            p += 4 + l
        units.append((round(float(k.pts * k.time_base) * 90000), a))
    return sps, units

for name, (n, options) in STREAMS.items():
    sps, units = read(encode(name, n, options))
    with open(f"{name}.units", "wb") as f:
        for stamp, unit in units:
            f.write(struct.pack(">II", stamp, len(unit)) + unit)
for name, options in SETS.items():
    open(f"{name}.sps", "wb").write(read(encode(name, 3, options))[0])
