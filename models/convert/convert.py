#!/usr/bin/env python3
"""Turns the official originals into the ONNX files that models/manifest.toml names. Needs numpy and onnx only.

    python3 models/convert/convert.py --recipe intel-0095-leaky --from FOLDER --to FILE.onnx
"""

import argparse
import os
import pathlib
import sys

import join
import minifasnet
import openvino_ir
import rewrite
import torch_pth


def intel_0095(originals):
    base = originals / "face-reidentification-retail-0095"
    return openvino_ir.convert(f"{base}.xml", f"{base}.bin", base.name, (128, 128), 256)


def minifasnet_v2(originals):
    return minifasnet.convert(torch_pth.load(originals / "2.7_80x80_MiniFASNetV2.pth"))


def minifasnet_v1se(originals):
    return minifasnet.convert(torch_pth.load(originals / "4_0_0_80x80_MiniFASNetV1SE.pth"))


RECIPES = {
    "intel-0095": intel_0095,
    "intel-0095-leaky": lambda originals: rewrite.leaky(intel_0095(originals)),
    "minifasnet-v2": minifasnet_v2,
    "minifasnet-v2-fast": lambda originals: rewrite.fast(minifasnet_v2(originals)),
    "minifasnet-v1se": minifasnet_v1se,
    "minifasnet-v1se-fast": lambda originals: rewrite.fast(minifasnet_v1se(originals)),
    "join-external-data": lambda originals: join.convert(originals / "MobileFaceNet.onnx"),
}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--recipe", required=True, choices=RECIPES)
    parser.add_argument("--from", dest="originals", required=True, type=pathlib.Path, help="folder with the originals")
    parser.add_argument("--to", required=True, type=pathlib.Path, help="file to write")
    arguments = parser.parse_args()
    try:
        model = RECIPES[arguments.recipe](arguments.originals)
    except Exception as error:  # one line for people, whatever a damaged original leads to
        sys.exit(f"convert.py: {arguments.recipe}: {type(error).__name__}: {error}")
    unfinished = arguments.to.with_name(arguments.to.name + ".new")
    unfinished.write_bytes(model.SerializeToString(deterministic=True))
    os.replace(unfinished, arguments.to)


if __name__ == "__main__":
    main()
