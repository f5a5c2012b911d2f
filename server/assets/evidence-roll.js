// Whom a browser believes before it seals anything to a person: each custodian's line is followed, signature by signature, to the founder
// of their role, and the founder is the one that this browser met first. No key is taken on the server's word, and nothing here asks it.
import { bytesOf, hex, sha256, verify } from "./evidence-keys.js";

/** Why something is not done, in both languages. */
export class Refusal extends Error {
  constructor(zh, en) {
    super(en);
    this.zh = zh;
  }
}

/** The texts that are signed or bound in; crates/evidence has them byte by byte. */
export function lines(purpose, values) {
  for (const [name, value] of Object.entries(values)) if (/\p{Cc}/u.test(value)) throw new Refusal(`${name}: 不能含换行等控制字符`, `${name}: holds a control character`);
  return [purpose, ...Object.entries(values).map(([name, value]) => `${name}=${value}`)].join("\n");
}

/** What is signed by whoever lets this custodian in. */
export function custodianText(jurisdiction, { account, role, verification_key, sealing_key, from }) {
  return lines("zaigang-evidence-custodian/2", { jurisdiction, custodian: account, role, verification_key, sealing_key, from });
}

/** What two people read to each other: both keys of one of them. */
export async function fingerprint({ verification_key, sealing_key }) {
  const hash = hex(await sha256(new TextEncoder().encode(`${verification_key}\n${sealing_key}`)));
  return hash.slice(0, 24).match(/.{4}/g).join(" ");
}

/** The founders of a jurisdiction that this browser met first; `storage` is the browser's own. */
export function foundersIn(storage, jurisdiction) {
  const name = (role) => `zaigang-evidence-founder/${jurisdiction}/${role}`;
  return { jurisdiction, of: (role) => storage.getItem(name(role)), keep: (role, print) => storage.setItem(name(role), print) };
}

/** Keeps the founder of a role, and refuses every other one from then on. */
export async function founderHolds(line, founders) {
  const [print, kept] = [await fingerprint(line), founders.of(line.role)];
  if (kept === null) return founders.keep(line.role, print);
  if (kept !== print) {
    throw new Refusal(
      `角色创始保管人「${line.account}」的指纹已由「${kept}」变为「${print}」：未封给任何人，请立即当面核对并报告`,
      `the fingerprint of the role's founder, ${line.account}, was ${kept} and is ${print} now: nothing was sealed; compare it in person, and report it`,
    );
  }
}

/** The first of a role on a roll. */
export function founderIn(roll, role) {
  return roll.custodians.find((c) => c.role === role && c.from);
}

/** Meets the founders that a roll names. */
export async function meetFounders(roll, founders) {
  for (const role of ["supervisor", "reviewer"]) {
    const first = founderIn(roll, role);
    if (first) await vouched(roll, first, founders);
  }
}

/** The sealing key of somebody in service, once everybody up to the founder has vouched for it. */
export async function sealingKey(roll, account, role, founders) {
  const line = roll.custodians.findLast((c) => c.account === account && c.role === role && c.from && !c.until);
  if (!line) throw new Refusal(`「${account}」已不是保管人：未封给任何人`, `${account} is no custodian: nothing was sealed`);
  await vouched(roll, line, founders);
  return line.sealing_key;
}

async function vouched(roll, line, founders) {
  const founder = roll.jurisdiction === founders.jurisdiction && await founderOf(roll, line);
  if (!founder) {
    throw new Refusal(
      `「${line.account}」的密钥没有现任保管人的有效签名，可能被调换：未封给任何人，请当面核对指纹并报告`,
      `nobody vouches for the keys of ${line.account}, which may have been swapped: nothing was sealed; compare the fingerprint in person, and report it`,
    );
  }
  await founderHolds(founder, founders);
}

// Each step leads to an earlier line, so it ends.
async function founderOf(roll, line) {
  const ofRole = roll.custodians.filter((c) => c.role === line.role && c.from);
  const at = ofRole.indexOf(line);
  const text = custodianText(roll.jurisdiction, line);
  const signed = (by) => verify(by.verification_key, line.vouched?.sig ?? "", text);
  if (at === 0) return line.vouched?.custodian === line.account && await signed(line) ? line : null;
  for (const by of ofRole.slice(0, Math.max(at, 0))) {
    const inService = by.account === line.vouched?.custodian && !(by.until && Date.parse(by.until) < Date.parse(line.from));
    if (inService && await signed(by)) {
      const founder = await founderOf(roll, by);
      if (founder) return founder;
    }
  }
  return null;
}
