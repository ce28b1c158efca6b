// What the test compiles and runs beside the client of the odd desk. It is told where the servers are, and prints
// what it found. Lines that must not compile are marked: a mark that is not needed is a mistake to the compiler.

import { Client, FreeholdError } from "./odd_desk_client.js";
import type { Answers, Correct, Inputs, Prediction, Receipt } from "./odd_desk_client.js";

type Same<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false;
const same = <A, B>(_: Same<A, B>): void => undefined;

type ODD = /*ODD*/ "odd";
const ODD: ODD = /*ODD*/ "odd";
type LINES = /*LINES*/ "lines";
const ROW: Inputs = /*ROW*/ { text: "x" };
const N = /*N*/ "n";

same<Answers["class"]["value"], ODD | LINES | "plain">(true);
same<Answers["a-b"]["value"], readonly ("card" | "parcel")[]>(true);
same<Answers["a_b"]["value"], boolean>(true);
same<Answers["mood"]["value"], -1 | 0 | 1>(true);
same<Answers["price"]["value"], number>(true);
same<Answers["1st"]["value"][number]["label"], "when" | ODD>(true);
same<Answers["note"]["value"], string>(true);
same<Answers[typeof N]["value"], "True" | "None">(true);

export function misuse(client: Client, prediction: Prediction): void {
  const share: number = prediction.answers.mood.probabilities["-1"] + prediction.answers.a_b.probabilities["true"];
  // @ts-expect-error an input is missing
  void client.predict({ text: "x" });
  // @ts-expect-error no such label
  void client.correct("r", { class: "plane" });
  // @ts-expect-error no such field
  void client.correct("r", { klass: "plain" });
  // @ts-expect-error no such level
  void client.correct("r", { mood: 2 });
  // @ts-expect-error no such label of a span
  void client.correct("r", { "1st": [{ label: "then", start: 0, end: share, text: "now" }] });
  // @ts-expect-error neither up nor down
  void client.rate("r", "sideways");
  // @ts-expect-error no such label
  if (prediction.answers.class.value === "plane") return;
}

async function fail(asked: Promise<unknown>): Promise<unknown> {
  try {
    return await asked;
  } catch (error) {
    if (!(error instanceof FreeholdError)) throw error;
    const { name, message, status, code, param } = error;
    return { name, status, code, param, told: message !== "" && !message.includes("secret"), id: error.request !== "" };
  }
}

async function talk(url: string): Promise<unknown> {
  const client = new Client({ url, maker: "ana" });
  const prediction = await client.predict(ROW, "ts-1");
  const many = await client.predictMany([ROW, ROW], "ts-2");
  const correct: Correct = {
    class: ODD, "a-b": ["parcel"], a_b: false, mood: 1, price: 3, note: "x",
    "1st": [{ label: "when", start: 2, end: 5, text: "now" }],
  };
  const corrected: Receipt = await client.correct(prediction.request, correct);
  await client.rate(prediction.request, "down");
  await client.reportOutcome(prediction.request, { paid: [true, null] });
  await client.addExample(ROW, { class: "plain" });
  const rows = [{ request: prediction.request, rating: 0.5 }, { request: "nobody's", rating: 1 }];
  const receipt = await client.giveFeedback(rows);
  const withdrawn = await client.withdraw(receipt.batch);
  const covered = prediction.answers["1st"].value.map((span) => [...ROW.text].slice(span.start, span.end).join(""));
  return {
    prediction, covered, withdrawn,
    ids: many.map((each) => each.request),
    none: (await client.predictMany([])).length,
    taken: corrected.accepted.length,
    rejected: receipt.rejected.map((each) => each.index),
    again: await fail(client.withdraw(receipt.batch)),
    missing: await fail(client.predict({ text: "x" } as Inputs)),
    broken: await fail(client.predict({ ...ROW, text: "boom" })),
  };
}

async function ask(url: string, options: object): Promise<unknown> {
  const begun = performance.now();
  const found = await fail(new Client({ url, ...options }).predict(ROW));
  return { found, seconds: (performance.now() - begun) / 1000 };
}

const { argv } = (globalThis as unknown as { process: { argv: string[] } }).process;
const [what = "", url = "", options = "{}"] = argv.slice(2);
console.log(JSON.stringify(await (what === "talk" ? talk(url) : ask(url, JSON.parse(options) as object))));
