// A clinic's morning as real programs: server and box, as `zaigang-demo` starts them, then the same data behind accounts.
// Everything ends with this process; ports are those that the system gives.
import { execFileSync, spawn } from "node:child_process";
import { createHmac } from "node:crypto";
import { cpSync, mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";

export const root = resolve(dirname(fileURLToPath(import.meta.url)), "../..");
const programs = resolve(root, process.env.ZAIGANG_PROGRAMS ?? join(process.env.CARGO_TARGET_DIR ?? "target", "debug"));
const children = [];
const folders = [];

export function program(name) {
  return join(programs, name);
}

/** A folder that goes with this process. */
export function folder() {
  const made = mkdtempSync(join(tmpdir(), "zaigang-browser-"));
  folders.push(made);
  return made;
}

/** Starts a program in a group of its own, its output in a file. */
export function start(name, args, at, log = `${name}.browser.log`) {
  const out = openSync(join(at, log), "a");
  const env = { ORT_DYLIB_PATH: join(root, ".run/onnxruntime/libonnxruntime.so"), ...process.env };
  const child = spawn(program(name), args, { cwd: root, stdio: ["ignore", out, out], detached: true, env });
  children.push(child);
  return child;
}

// However this process ends, nothing that it started goes on: a reader of its output that is gone, a signal and a fault end it too.
const gone = (pid) => {
  try {
    return readFileSync(`/proc/${pid}/stat`, "utf8").split(") ").pop().startsWith("Z");
  } catch {
    return true;
  }
};
process.on("exit", () => {
  const left = children.filter((child) => child.pid && !gone(child.pid));
  const tell = (child, signal) => { try { process.kill(-child.pid, signal); } catch { /* it is gone */ } };
  for (const child of left) tell(child, "SIGTERM");
  // Nothing can be awaited any more.
  const pause = new Int32Array(new SharedArrayBuffer(4));
  for (let n = 0; n < 160 && left.some((child) => !gone(child.pid)); n += 1) Atomics.wait(pause, 0, 0, 50);
  for (const child of left) tell(child, "SIGKILL");
  if (!process.env.ZAIGANG_KEEP) for (const made of folders) rmSync(made, { recursive: true, force: true });
});
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP", "SIGPIPE"]) process.on(signal, () => process.exit(1));
for (const stream of [process.stdout, process.stderr]) stream.on("error", () => process.exit(1));

/** Ends a program and whatever it started, and waits until it is gone. */
export async function end(child) {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const ended = new Promise((done) => { child.once("exit", done); });
  process.kill(-child.pid, "SIGTERM");
  const late = setTimeout(() => process.kill(-child.pid, "SIGKILL"), 8000);
  await ended;
  clearTimeout(late);
}

/** Asks until the answer is true; never longer than `seconds`. */
export async function until(what, ask, seconds = 120) {
  const deadline = Date.now() + seconds * 1000;
  let last = null;
  while (Date.now() < deadline) {
    try {
      const found = await ask();
      if (found) return found;
    } catch (error) {
      last = error;
    }
    await new Promise((done) => { setTimeout(done, 100); });
  }
  throw new Error(`${what} did not come within ${seconds} s${last ? `: ${last.message}` : ""}`);
}

const ready = (at) => JSON.parse(readFileSync(join(at, "server.ready"), "utf8"));

/** Plays the morning until a few leads stand, and stops with the box in the middle of its work. */
export async function morning(leads) {
  const at = folder();
  if (process.env.ZAIGANG_MORNING) {
    // A folder that an earlier run kept: for working on these tests alone.
    cpSync(process.env.ZAIGANG_MORNING, at, { recursive: true });
    return { at, mqtt: ready(at).mqtt.port };
  }
  const demo = start("zaigang-demo", ["--keep", at], at);
  const http = (await until("the demo's server", () => ready(at).http));
  const get = async (path) => (await fetch(`${http}/api/v1/${path}`)).json();
  await until(`${leads} leads`, async () => {
    if (demo.exitCode !== null) throw new Error(readFileSync(join(at, "zaigang-demo.browser.log"), "utf8"));
    return (await get("alerts?limit=50")).alerts.length >= leads;
  }, 400);
  const mqtt = ready(at).mqtt.port;
  await end(demo);
  return { at, mqtt };
}

/** A server over the data of a folder; with accounts it gives the administrator's one-time link too. */
export async function serve(at, { accounts = true, mqtt = 0, listen = 0, extra = "", name = "guarded" } = {}) {
  const config = join(at, `${name}.toml`);
  const file = join(at, `${name}.ready`);
  writeFileSync(config, `mode = "demonstration"\ndata_dir = "server-data"\nmaster_key_file = "server-master.key"\n
[http]\nlisten = "127.0.0.1:${listen}"\n[mqtt]\nlisten = "127.0.0.1:${mqtt}"\n[models]\npack = "avatar"\n[access]\naccounts = ${accounts}\n${extra}`);
  rmSync(file, { force: true });
  const server = start("zaigang-server", ["--config", config, "--ready-file", file], at, `${name}.log`);
  const { http } = await until("the server", () => {
    if (server.exitCode !== null) throw new Error(readFileSync(join(at, `${name}.log`), "utf8"));
    return JSON.parse(readFileSync(file, "utf8"));
  });
  const told = /FIRST-ADMIN (\S+):/.exec(readFileSync(join(at, `${name}.log`), "utf8"));
  const link = told && /\/welcome\/\S+/.exec(readFileSync(told[1], "utf8"));
  return { server, http, link: link && `${http}${link[0]}` };
}

/** A house in which something stands on every page; of each role somebody who is logged in, and the pages that it opens. */
export async function furnished() {
  const at = folder();
  const log = join(at, "furnished.log");
  const child = start("examples/furnished_house", [at], at, "furnished.log");
  const line = await until("the furnished house", () => {
    if (child.exitCode !== null) throw new Error(readFileSync(log, "utf8"));
    return /^\{"http".*\}$/m.exec(readFileSync(log, "utf8"))?.[0];
  });
  const { http, people } = JSON.parse(line);
  // What a browser stores as a file, or a program reads, is no page.
  const page = (path) => !/\/export$|\/csv$|^\/readyz$/.test(path);
  return { http, people: people.map((person) => ({ ...person, paths: person.paths.filter(page) })) };
}

/** Lets the box go on, a day later where asked, so that what it sees is news. */
export function box(at, start_at) {
  const config = join(at, "agent.toml");
  if (start_at) writeFileSync(config, readFileSync(config, "utf8").replace(/start = ".*"/, `start = "${start_at}"`));
  return start("zaigang-agent", ["run", "--config", config, "--once"], at, "agent.log");
}

/** A one-time code (RFC 6238) of a secret in base32. */
export function code(secret, at = Date.now()) {
  const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
  let bits = "";
  for (const letter of secret.replace(/=+$/, "")) bits += alphabet.indexOf(letter).toString(2).padStart(5, "0");
  const key = Buffer.from(bits.match(/.{8}/g).map((byte) => parseInt(byte, 2)));
  const step = Buffer.alloc(8);
  step.writeBigUInt64BE(BigInt(Math.floor(at / 30_000)));
  const mac = createHmac("sha1", key).update(step).digest();
  const offset = mac[19] & 15;
  return String((mac.readUInt32BE(offset) & 0x7fffffff) % 1_000_000).padStart(6, "0");
}

export function run(name, args) {
  return execFileSync(name, args, { encoding: "utf8", stdio: ["ignore", "pipe", "pipe"] });
}

export async function over() {
  for (const child of children) await end(child).catch(() => {});
  if (!process.env.ZAIGANG_KEEP) for (const made of folders) rmSync(made, { recursive: true, force: true });
}
