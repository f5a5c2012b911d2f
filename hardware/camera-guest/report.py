#!/usr/bin/env python3
"""Reads what the guest of scripts/camera-test wrote to its serial line, and says which targets hold. It starts nothing.

    hardware/camera-guest/report.py SERIAL_LOG [--page] [--json]
"""
import json
import re
import sys

MEMORY_MIB = 4  # An allocator's slack; a leaked 640x360 frame a second would be 40 MiB a minute.


# What the agent calls a state, and its name here. The guest's camera draws colour bars: a test pattern is the right word for them.
NAMES = [("frozen", "still"), ("the camera repeats", "still"), ("the camera sends a test pattern", "pattern")]


def states(lines):
    """What the agent said, in order, without its times."""
    for line in lines:
        found = re.match(r"AGENT\s+[\d.]+ s  (\w+)(.*)", line)
        if found:
            named = next((name for start, name in NAMES if (found[1] + found[2]).startswith(start)), found[1])
            yield named, found[2].strip(": ")


def happened_in_order(said, wanted):
    rest = iter(said)
    return all(any(word in want.split(" or ") for word, _ in rest) for want in wanted)


def targets(lines):
    said = list(states(lines))
    formats = [detail for word, detail in said if word == "there"]
    yield "a format is negotiated", "YUYV 640x360", ", ".join(formats) or "none", formats[:1] == ["640x360 YUYV"]
    told = " > ".join(word for word, _ in said)
    seen = "clear or pattern"
    for name, wanted in [
        ("its colour bars are called a test pattern", ["pattern"]),
        ("a covered lens is noticed", [seen, "covered"]),
        ("a picture that stands still is noticed", ["covered", "still", seen]),
        ("an unplugged camera comes back", ["still", "gone", "there", seen]),
    ]:
        yield name, ", then ".join(wanted), told, happened_in_order(said, wanted)
    memory = next((re.search(r"(\d+) MiB after settling, (\d+) MiB", line) for line in lines if "MiB after settling" in line), None)
    grown = int(memory[2]) - int(memory[1]) if memory else None
    yield "memory does not grow", f"<= {MEMORY_MIB} MiB", f"{grown} MiB", grown is not None and grown <= MEMORY_MIB


def after(word, lines):
    return [line[len(word) + 1:] for line in lines if line.startswith(f"{word} ")]


def read(text):
    """What a line holds as JSON; nothing where it was cut."""
    try:
        return json.loads(text)
    except ValueError:
        return {}


def page_targets(lines):
    """Of the page of one's own face: whether whole pictures of this camera come there, one after the other."""
    pictures = [read(text) for text in after("PAGE_PICTURE", lines)]
    sizes = [[int(n) for n in text.split()] for text in after("PAGE_BYTES", lines)]
    told = ", ".join(f"{p.get('width')}x{p.get('height')} number {p.get('number')}" for p in pictures) or "none"
    whole = [p.get("width", 0) * p.get("height", 0) * 3 == size[0] > 0 for p, size in zip(pictures, sizes)]
    bright = [size[1] * 4 > size[0] for size in sizes]
    numbers = [p.get("number", 0) for p in pictures]
    shown = len(pictures) == 2 and all(whole) and all(bright) and numbers[0] < numbers[1]
    yield "its pictures are on the page of one's own face", "two whole ones, one after the other", told, shown
    state = read((after("PAGE_STATE", lines) or [""])[0])
    source = f"{state.get('source')}, live: {state.get('live')}"
    yield "the page says what it looks at", "camera, live: True", source, source == "camera, live: True"
    end = (after("PAGE_END", lines) or ["none"])[0]
    yield "nothing of the page is left", "0 0", end, end == "0 0"


def main():
    lines = [line.strip() for line in open(sys.argv[1], errors="replace")]
    watched = [] if "--page" in sys.argv else list(targets(lines))
    rows = watched + list(page_targets(lines))
    if "--json" in sys.argv:
        print(json.dumps([{"name": n, "target": t, "figure": f, "holds": h} for n, t, f, h in rows], ensure_ascii=False))
    else:
        for name, target, figure, holds in rows:
            print(f"{name} · {target} · {figure} · {'holds' if holds else 'falls short'}")
    sys.exit(0 if all(row[3] for row in rows) else 1)


if __name__ == "__main__":
    main()
