// Whom a browser believes before it seals, over the vectors of crates/evidence: without a browser and without a server.
//   node evidence-roll.mjs
import assert from "node:assert/strict";
import { copyFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { options } from "./options.mjs";

options();

const root = join(dirname(fileURLToPath(import.meta.url)), "../..");
const vectors = JSON.parse(readFileSync(join(root, "crates/evidence/tests/vectors.json"), "utf8"));

// Node takes a `.js` file for a module only where a package says so.
const folder = mkdtempSync(join(tmpdir(), "evidence-roll-"));
process.on("exit", () => rmSync(folder, { recursive: true }));
writeFileSync(join(folder, "package.json"), '{"type":"module"}');
for (const name of ["evidence-keys.js", "evidence-roll.js"]) copyFileSync(join(root, "server/assets", name), join(folder, name));
const { bytesOf, makePair, sign, verify } = await import(join(folder, "evidence-keys.js"));
const { custodianText, fingerprint, foundersIn, meetFounders, Refusal, sealingKey } = await import(join(folder, "evidence-roll.js"));

const JURISDICTION = vectors.roll.jurisdiction;

/** A browser's own storage. */
function storage() {
  const kept = new Map();
  return { getItem: (name) => kept.get(name) ?? null, setItem: (name, value) => kept.set(name, value) };
}

/** The roll of the vectors, as the server tells it to a browser. */
function roll() {
  const custodians = vectors.roll.custodians.map(({ custodian, ...rest }) => ({ ...structuredClone(rest), account: custodian }));
  return { jurisdiction: JURISDICTION, custodians };
}

/** Somebody whom `by` lets in. */
async function letIn(into, account, by, seed) {
  const [signing, sealing] = [await makePair("Ed25519"), await makePair("X25519")];
  const line = { account, role: by.role, verification_key: signing.public, sealing_key: sealing.public, from: "2026-02-01T00:00:00.000Z" };
  line.vouched = { custodian: by.account, sig: await sign(seed, custodianText(JURISDICTION, line)) };
  into.custodians.push(line);
  return { line, seed: signing.secret };
}

const founders = () => foundersIn(storage(), JURISDICTION);
const refused = (promise) => assert.rejects(promise, (error) => error instanceof Refusal && /[一-龥]/.test(error.zh) && error.message.length > 0);
const SEED = bytesOf(vectors.secrets.reviewer_ed25519_seed);
const other = async () => (await makePair("X25519")).public;

// The text is the crate's, byte by byte, and the crate's signature holds here.
const [supervisor] = roll().custodians;
assert.equal(custodianText(JURISDICTION, supervisor), vectors.custodian_text);
assert(await verify(supervisor.verification_key, supervisor.vouched.sig, vectors.custodian_text));
assert.equal(await sealingKey(roll(), "sup-1", "supervisor", founders()), supervisor.sealing_key);

// A founder's sealing key was swapped, with every signature left as it was.
const swapped = roll();
swapped.custodians[1].sealing_key = await other();
await refused(sealingKey(swapped, "rev-1", "reviewer", founders()));
await refused(meetFounders(swapped, founders()));

// Two steps down from the founder; then a key of the last, and of the one between, was swapped.
const chain = roll();
const second = await letIn(chain, "rev-2", chain.custodians[1], SEED);
const third = await letIn(chain, "rev-3", second.line, second.seed);
assert.equal(await sealingKey(chain, "rev-3", "reviewer", founders()), third.line.sealing_key);
for (const [account, field] of [["rev-3", "sealing_key"], ["rev-2", "sealing_key"], ["rev-2", "verification_key"]]) {
  const hostile = structuredClone(chain);
  hostile.custodians.find((c) => c.account === account)[field] = await other();
  await refused(sealingKey(hostile, "rev-3", "reviewer", founders()));
}

// Somebody who left before vouches for nobody; who left after still did.
for (const [until, holds] of [["2026-01-31T00:00:00.000Z", false], ["2026-02-02T00:00:00.000Z", true]]) {
  const left = structuredClone(chain);
  left.custodians.find((c) => c.account === "rev-2").until = until;
  const key = sealingKey(left, "rev-3", "reviewer", founders());
  if (holds) assert.equal(await key, third.line.sealing_key);
  else await refused(key);
}

// Vouched for by the other role, or by themselves; in another jurisdiction.
const crossed = roll();
await letIn(crossed, "rev-2", { account: "sup-1", role: "reviewer" }, bytesOf(vectors.secrets.supervisor_ed25519_seed));
await refused(sealingKey(crossed, "rev-2", "reviewer", founders()));
const mallory = await makePair("Ed25519");
const himself = roll();
const line = { account: "rev-2", role: "reviewer", verification_key: mallory.public, sealing_key: await other(), from: "2026-02-01T00:00:00.000Z" };
line.vouched = { custodian: "rev-2", sig: await sign(mallory.secret, custodianText(JURISDICTION, line)) };
himself.custodians.push(line);
await refused(sealingKey(himself, "rev-2", "reviewer", founders()));
await refused(sealingKey(roll(), "rev-1", "reviewer", foundersIn(storage(), "110000")));
await refused(sealingKey(roll(), "nobody", "reviewer", founders()));

// A whole role founded anew in the database: it holds in itself, and is not the founder whom this browser met.
const anew = roll();
anew.custodians[1] = { ...line, account: "rev-1", vouched: { custodian: "rev-1" } };
anew.custodians[1].vouched.sig = await sign(mallory.secret, custodianText(JURISDICTION, anew.custodians[1]));
assert.equal(await sealingKey(anew, "rev-1", "reviewer", founders()), line.sealing_key, "nobody met before");
const met = founders();
await meetFounders(roll(), met);
assert.equal(met.of("reviewer"), await fingerprint(roll().custodians[1]));
await refused(sealingKey(anew, "rev-1", "reviewer", met));
assert.equal(met.of("reviewer"), await fingerprint(roll().custodians[1]), "the first one stays");
console.log("· a browser seals to nobody for whom the founder whom it met does not vouch");
