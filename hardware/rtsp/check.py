#!/usr/bin/env python3
"""Drives `zaigang-agent camera` against hardware/rtsp/server.py, and says which targets hold.

    hardware/rtsp/check.py AGENT [--json]
"""
import json
import os
import pathlib
import queue
import re
import socket
import subprocess
import sys
import tempfile
import threading
import time

HERE = pathlib.Path(__file__).parent
USER, PASSWORD = "installer", "correct-horse-7"
PATIENCE_S = 60


class Served:
    """The server, until it is cut."""

    def __init__(self, port):
        command = ["/usr/bin/python3", HERE / "server.py", str(port), USER, PASSWORD]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        if self.process.stdout.readline().strip() != "serving":
            sys.exit("rtsp-test: the RTSP server does not start")

    def cut(self):
        self.process.kill()
        self.process.wait()


class Watch:
    """The agent, and what it has said so far."""

    def __init__(self, agent, folder, port, password):
        credentials = folder / "camera.credentials"
        credentials.write_text(f"{USER}:{password}\n")
        credentials.chmod(0o600)
        config = folder / "agent.toml"
        config.write_text(
            f'mode = "production"\nstate_dir = "{folder}"\n[log]\nlevel = "trace"\n[camera]\nkind = "rtsp"\nreconnect_ms = 300\n'
            f'url = "rtsp://127.0.0.1:{port}/stream"\ncredentials_file = "camera.credentials"\n'
        )
        command = [agent, "camera", "--config", str(config), "--seconds", "300"]
        environment = {**os.environ, "ZAIGANG_LOG": "trace"}
        self.process = subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=environment
        )
        self.said, self.lines = [], queue.Queue()
        threading.Thread(target=self.read, daemon=True).start()

    def read(self):
        for line in self.process.stdout:
            self.said.append(line)
            self.lines.put(line)

    def until(self, pattern):
        """The first line from now on that holds the pattern; None where none comes in time."""
        end = time.monotonic() + PATIENCE_S
        try:
            while True:
                line = self.lines.get(timeout=max(0, end - time.monotonic()))
                if re.search(pattern, line):
                    return line.strip()
        except queue.Empty:
            return None

    def end(self):
        self.process.kill()
        self.process.wait()


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def rows(agent):
    port, said = free_port(), []
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        served = Served(port)
        watch = Watch(agent, folder, port, PASSWORD)
        there = watch.until(r"\bthere\b.*\d+x\d+")
        yield "pictures come with the password", "640x360", there or "none", bool(there and "640x360" in there)
        served.cut()
        gone = watch.until(r"\bgone\b")
        yield "a cut stream is noticed", "gone", gone or "nothing said", bool(gone)
        served = Served(port)
        back = watch.until(r"\bthere\b")
        yield "a stream that is served again is taken up", "there", back or "nothing said", bool(back)
        watch.end()
        said += watch.said
        watch = Watch(agent, folder, port, "wrong-horse-8")
        refused = watch.until(r"refuses user or password")
        yield "a wrong password is said in a line", "refuses user or password", refused or "nothing said", bool(refused)
        watch.end()
        said += watch.said
        served.cut()
    secrets = (PASSWORD, "wrong-horse-8", USER)
    told = [line.strip() for line in said if any(secret in line for secret in secrets)]
    figure = f"{len(told)} of {len(said)} lines at trace"
    yield "no log line holds user or password", "0 lines", figure, not told and bool(said)


def main():
    failed = False
    told = []
    for name, target, figure, holds in rows(sys.argv[1]):
        failed |= not holds
        told.append({"name": name, "target": target, "figure": figure, "holds": holds})
        if "--json" not in sys.argv:
            print(f"{name} · {target} · {figure} · {'holds' if holds else 'falls short'}", flush=True)
    if "--json" in sys.argv:
        print(json.dumps(told, ensure_ascii=False))
    sys.exit(failed)


if __name__ == "__main__":
    main()
