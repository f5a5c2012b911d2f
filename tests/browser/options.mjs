// What every script of this folder does with its options before it does anything else: --help prints the comment at its head, and what it
// does not know is refused in one line. It starts nothing.
import { readFileSync } from "node:fs";
import { basename } from "node:path";

/**
 * `known`: its options, with a blank between them; one that ends with `=` takes the next word as its value; `[WORDS]` lets words without a
 * dash through.
 */
export function options(known = "") {
  const script = process.argv[1];
  const name = basename(script);
  const names = known.split(" ").filter(Boolean);
  const words = process.argv.slice(2);
  while (words.length > 0) {
    const word = words.shift();
    if (word === "--help" || word === "-h") {
      const lines = readFileSync(script, "utf8").split("\n");
      const end = lines.findIndex((line) => !line.startsWith("//"));
      console.log(lines.slice(0, end).map((line) => line.replace(/^\/\/ ?/, "")).join("\n"));
      process.exit(0);
    }
    if (names.includes("[WORDS]") && !word.startsWith("-")) continue;
    const value = names.includes(`${word}=`) ? words.shift() : "";
    if (value === undefined || (value === "" && !names.includes(word))) {
      const fault = value === undefined ? "needs a value" : "is no option";
      console.error(`${name}: ${word} ${fault}; node ${name} --help shows what there is`);
      process.exit(2);
    }
  }
}
