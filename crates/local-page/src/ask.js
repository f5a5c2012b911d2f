// How a page of this machine asks its program, and which of its three parts is shown. It keeps nothing.

/** The program answered, and refused. `left`: tries of the code. */
export class Refused extends Error {
  constructor(status, body) {
    super(body.error ?? `HTTP ${status}`);
    this.status = status;
    this.left = body.left;
  }
}

/** Without a body it reads. */
export async function ask(path, body) {
  const options = body === undefined ? {} : { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(body) };
  const answer = await fetch(path, options);
  const said = await answer.json();
  if (!answer.ok) throw new Refused(answer.status, said);
  return said;
}

/** `login`, `over` or `work`. */
export function only(id) {
  for (const each of ["login", "over", "work"]) document.getElementById(each).hidden = each !== id;
}
