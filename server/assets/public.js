// The proof of work that a flood costs: looks for a number so that SHA-256 of `ticket:number` begins with so many zero
// bits. Loaded only while it is asked for; without it the form is sent a little later instead.
const form = document.getElementById("report");
const bits = Number(form?.dataset.bits || 0);

function zeros(hash) {
  let count = 0;
  for (const byte of hash) {
    if (byte !== 0) return count + Math.clz32(byte) - 24;
    count += 8;
  }
  return count;
}

async function work(ticket) {
  const encoder = new TextEncoder();
  for (let n = 0; ; n += 1) {
    const hash = await crypto.subtle.digest("SHA-256", encoder.encode(`${ticket}:${n}`));
    if (zeros(new Uint8Array(hash)) >= bits) return String(n);
  }
}

if (form && bits > 0 && globalThis.crypto?.subtle) {
  const found = work(form.elements.ticket.value).then((number) => { form.elements.work.value = number; });
  form.addEventListener("submit", async (event) => {
    if (form.elements.work.value) return;
    event.preventDefault();
    document.getElementById("working").hidden = false;
    await found;
    // Not within this event: a form ignores what it is asked while it is being submitted.
    setTimeout(() => form.requestSubmit());
  });
}
