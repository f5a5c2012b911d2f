// Keys of custodians, in the browser alone: pairs (X25519, Ed25519), what wraps them under a passphrase, HPKE (RFC 9180, base mode,
// DHKEM(X25519, HKDF-SHA256), HKDF-SHA256, AES-256-GCM) and the opening of a picture. WebCrypto does every computation.
// Nothing here asks the server or touches a page, and no private half leaves this file but wrapped.

const subtle = globalThis.crypto?.subtle;
const utf8 = new TextEncoder();

/** False where the browser lacks what is needed, or the page came without TLS. */
export async function able() {
  try {
    await subtle.generateKey({ name: "X25519" }, false, ["deriveBits"]);
    await subtle.generateKey({ name: "Ed25519" }, false, ["sign"]);
    return true;
  } catch {
    return false;
  }
}

export function base64(bytes) {
  let text = "";
  for (const byte of new Uint8Array(bytes)) text += String.fromCharCode(byte);
  return btoa(text);
}

export function bytesOf(text) {
  return Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
}

export function hex(bytes) {
  return [...new Uint8Array(bytes)].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}

export async function sha256(bytes) {
  return new Uint8Array(await subtle.digest("SHA-256", bytes));
}

/** The first 16 hex digits of SHA-256 of a public key. */
export async function keyId(publicKey) {
  return hex(await sha256(bytesOf(publicKey))).slice(0, 16);
}

function random(count) {
  return crypto.getRandomValues(new Uint8Array(count));
}

function join(...parts) {
  const all = parts.map((part) => (typeof part === "string" ? utf8.encode(part) : new Uint8Array(part)));
  const made = new Uint8Array(all.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of all) {
    made.set(part, at);
    at += part.length;
  }
  return made;
}

export function xor(one, other) {
  if (one.length !== other.length) throw new Error("halves of different length");
  return one.map((byte, n) => byte ^ other[n]);
}

// ---- Pairs. RFC 8410: a fixed head before the 32 secret bytes.

const HEADS = { X25519: "302e020100300506032b656e04220420", Ed25519: "302e020100300506032b657004220420" };

function headOf(kind) {
  return Uint8Array.from(HEADS[kind].match(/../g), (byte) => parseInt(byte, 16));
}

function secretKey(kind, secret) {
  return subtle.importKey("pkcs8", join(headOf(kind), secret), { name: kind }, false, kind === "X25519" ? ["deriveBits"] : ["sign"]);
}

/** A new pair: `{secret, public}`, the secret 32 bytes, the public half base64. */
export async function makePair(kind) {
  const pair = await subtle.generateKey({ name: kind }, true, kind === "X25519" ? ["deriveBits"] : ["sign", "verify"]);
  const secret = new Uint8Array(await subtle.exportKey("pkcs8", pair.privateKey)).slice(-32);
  return { secret, public: base64(await subtle.exportKey("raw", pair.publicKey)) };
}

export async function sign(secret, text) {
  return base64(await subtle.sign({ name: "Ed25519" }, await secretKey("Ed25519", secret), utf8.encode(text)));
}

/** Whether the holder of this key (base64) signed exactly this text. */
export async function verify(publicKey, sig, text) {
  try {
    const key = await subtle.importKey("raw", bytesOf(publicKey), { name: "Ed25519" }, false, ["verify"]);
    return await subtle.verify({ name: "Ed25519" }, key, bytesOf(sig), utf8.encode(text));
  } catch {
    return false;
  }
}

// ---- Under a passphrase, or under the code of a recovery sheet.

const ITERATIONS = 600_000;

async function passKey(passphrase, salt, iterations) {
  const material = await subtle.importKey("raw", utf8.encode(passphrase.normalize("NFKC")), "PBKDF2", false, ["deriveKey"]);
  return subtle.deriveKey({ name: "PBKDF2", hash: "SHA-256", salt, iterations }, material, { name: "AES-GCM", length: 256 }, false, ["encrypt", "decrypt"]);
}

/** Wraps secret bytes; `what` is bound in: they open under that name alone. */
export async function wrap(secret, passphrase, what) {
  const [salt, iv] = [random(16), random(12)];
  const key = await passKey(passphrase, salt, ITERATIONS);
  const ct = await subtle.encrypt({ name: "AES-GCM", iv, additionalData: utf8.encode(what) }, key, secret);
  return { kdf: "PBKDF2-SHA256", iterations: ITERATIONS, salt: base64(salt), iv: base64(iv), ct: base64(ct) };
}

/** The secret bytes, or null where the passphrase is not the one. */
export async function unwrap(wrapped, passphrase, what) {
  const key = await passKey(passphrase, bytesOf(wrapped.salt), wrapped.iterations);
  try {
    const iv = bytesOf(wrapped.iv);
    return new Uint8Array(await subtle.decrypt({ name: "AES-GCM", iv, additionalData: utf8.encode(what) }, key, bytesOf(wrapped.ct)));
  } catch {
    return null;
  }
}

// Without letters that are read as others (Crockford's base 32): 32 of them are 160 bits.
const LETTERS = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";

export function recoveryCode() {
  return [...random(32)].map((byte) => LETTERS[byte & 31]).join("").match(/.{4}/g).join("-");
}

/** A code as it was typed from paper. */
export function readCode(text) {
  const plain = text.toUpperCase().replace(/[\s-]/g, "").replace(/O/g, "0").replace(/[IL]/g, "1");
  return plain.match(/.{1,4}/g)?.join("-") ?? "";
}

// ---- HPKE.

const KEM = join("KEM", [0, 0x20]);
const SUITE = join("HPKE", [0, 0x20, 0, 1, 0, 2]);

async function hmac(key, bytes) {
  // An empty key and 32 zeros are the same to HMAC; some browsers refuse the first.
  const made = await subtle.importKey("raw", key.length ? key : new Uint8Array(32), { name: "HMAC", hash: "SHA-256" }, false, ["sign"]);
  return new Uint8Array(await subtle.sign("HMAC", made, bytes));
}

function labelledExtract(suite, salt, label, material) {
  return hmac(salt, join("HPKE-v1", suite, label, material));
}

// RFC 5869 with one block: never more than 32 bytes are asked for.
async function labelledExpand(suite, secret, label, info, length) {
  return (await hmac(secret, join([0, length], "HPKE-v1", suite, label, info, [1]))).slice(0, length);
}

async function shared(secret, publicKey, enc, to) {
  const other = await subtle.importKey("raw", publicKey, { name: "X25519" }, true, []);
  const dh = new Uint8Array(await subtle.deriveBits({ name: "X25519", public: other }, await secretKey("X25519", secret), 256));
  const prk = await labelledExtract(KEM, new Uint8Array(0), "eae_prk", dh);
  return labelledExpand(KEM, prk, "shared_secret", join(enc, to), 32);
}

async function schedule(sharedSecret, info) {
  const none = new Uint8Array(0);
  const context = join([0], await labelledExtract(SUITE, none, "psk_id_hash", none), await labelledExtract(SUITE, none, "info_hash", info));
  const secret = await labelledExtract(SUITE, sharedSecret, "secret", none);
  const key = await labelledExpand(SUITE, secret, "key", context, 32);
  return { key: await subtle.importKey("raw", key, "AES-GCM", false, ["encrypt", "decrypt"]), iv: await labelledExpand(SUITE, secret, "base_nonce", context, 12) };
}

/** Seals for a public key (base64): `{enc, ct}` in base64. `info` and `aad` are texts or bytes. */
export async function seal(plain, publicKey, info, aad = "") {
  const to = bytesOf(publicKey);
  const once = await makePair("X25519");
  const enc = bytesOf(once.public);
  const { key, iv } = await schedule(await shared(once.secret, to, enc, to), join(info));
  const ct = await subtle.encrypt({ name: "AES-GCM", iv, additionalData: join(aad) }, key, plain);
  return { enc: base64(enc), ct: base64(ct) };
}

/** Opens what was sealed for this pair; throws where it was not, or was changed. */
export async function open(sealed, pair, info, aad = "") {
  const [enc, to] = [bytesOf(sealed.enc), bytesOf(pair.public)];
  const { key, iv } = await schedule(await shared(pair.secret, enc, enc, to), join(info));
  return new Uint8Array(await subtle.decrypt({ name: "AES-GCM", iv, additionalData: join(aad) }, key, bytesOf(sealed.ct)));
}

/** Opens a picture: AES-256-GCM under the two halves. The first 12 bytes are the nonce. */
export async function openPicture(ciphertext, key, aad) {
  const made = await subtle.importKey("raw", key, "AES-GCM", false, ["decrypt"]);
  const bytes = new Uint8Array(ciphertext);
  return new Uint8Array(await subtle.decrypt({ name: "AES-GCM", iv: bytes.slice(0, 12), additionalData: join(aad) }, made, bytes.slice(12)));
}
