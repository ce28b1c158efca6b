// The TypeScript client: everything but the task's own types, which take the place of those between the marks.
// These lines are not part of a client.
// <client>

/** The characters `start` to before `end` of an input, which read `text`. They are counted as Unicode code points:
 * `[...input].slice(start, end).join("")` is `text`. */
export interface Span<Label extends string> {
  readonly label: Label;
  readonly start: number;
  readonly end: number;
  readonly text: string;
}

/** What the model says of one field. */
export interface Answer<Value, Probabilities> {
  readonly value: Value;
  /** The calibrated probability, 0 to 1, that the value is right. */
  readonly confidence: number;
  /** Label to its calibrated probability. */
  readonly probabilities: Readonly<Probabilities>;
  /** The confidence is below what the task asks for. */
  readonly abstained: boolean;
  /** Whether any label fits at all; missing where the model cannot tell. */
  readonly in_scope?: boolean;
  /** Of a number: the lowest and the highest value that the confidence speaks of. */
  readonly interval?: readonly [number, number];
  /** Which tier of the model answered; missing where it has one. */
  readonly tier?: string;
}

// <the task>
export const TASK = "mail";
export type Inputs = Record<string, string>;
export type Answers = Record<string, Answer<unknown, Record<string, number>>>;
export type Correct = Record<string, unknown>;
// </the task>

/** All answers to one request; `model` is the version that gave them, `request` what feedback refers to. */
export interface Prediction {
  readonly task: string;
  readonly model: string;
  readonly request: string;
  readonly answers: Answers;
}

export type RatingValue = number | "up" | "down";

/** A row of feedback: what would have been right, how good an answer was, what came of it (any JSON), or an example
 * that nobody asked about. */
export type Feedback =
  | { readonly request: string; readonly correct: Correct }
  | { readonly request: string; readonly rating: RatingValue }
  | { readonly request: string; readonly outcome: unknown }
  | { readonly inputs: Inputs; readonly correct: Correct };

/** What became of feedback: an id for each row that was taken, and one for all of them together. */
export interface Receipt {
  readonly accepted: readonly string[];
  readonly rejected: readonly { readonly index: number; readonly reason: string }[];
  readonly batch: string;
}

/** The server refused, or there was no answer. */
export class FreeholdError extends Error {
  /** The HTTP status; 0 where there was no answer. */
  readonly status: number;
  /** The server's word for it, such as `invalid_token`; where there is none, `timeout`, `unreachable` or
   * `unreadable`. */
  readonly code: string;
  /** The part of the request that is wrong; empty where none is. */
  readonly param: string;
  /** The request's id, which the server's log has; empty where it is not known. */
  readonly request: string;

  constructor(message: string, about: { status?: number; code: string; param?: string; request?: string }) {
    super(message);
    this.name = "FreeholdError";
    this.status = about.status ?? 0;
    this.code = about.code;
    this.param = about.param ?? "";
    this.request = about.request ?? "";
  }
}

export interface Options {
  /** Where the server is. Default: http://127.0.0.1:8420. */
  readonly url?: string | undefined;
  /** A key of the server. Default: the environment variable FREEHOLD_TOKEN, where there is an environment. */
  readonly apiKey?: string | undefined;
  /** Milliseconds that a call may take, with all its retries. Default: 30,000. */
  readonly timeoutMs?: number | undefined;
  /** How often a request is sent again at most. Default: 5. */
  readonly retries?: number | undefined;
  /** Who gives feedback: a name. */
  readonly maker?: string | undefined;
}

/** Asks a Freehold server. A request that the server has no time for (429, 503) is sent again, later each time and
 * never before its `Retry-After`. What fails rejects with a `FreeholdError`. */
export class Client {
  readonly #url: string;
  readonly #headers: Readonly<Record<string, string>>;
  readonly #maker: string;
  readonly #timeoutMs: number;
  readonly #retries: number;

  constructor(options: Options = {}) {
    const key = (options.apiKey ?? environment("FREEHOLD_TOKEN")).trim();
    if (!/^[\x20-\x7e]*$/.test(key)) throw new TypeError("`apiKey` has characters that no key has.");
    const server = new URL(options.url ?? "http://127.0.0.1:8420");
    this.#url = `${server.origin}${server.pathname.replace(/\/+$/, "")}/v1/tasks/${encodeURIComponent(TASK)}`;
    this.#headers = { "content-type": "application/json", authorization: key && `Bearer ${key}` };
    this.#maker = options.maker ?? "";
    this.#timeoutMs = options.timeoutMs ?? 30_000;
    this.#retries = options.retries ?? 5;
  }

  /** Asks once. `request` is the id that the request is to have; made up where empty. */
  predict(inputs: Inputs, request = ""): Promise<Prediction> {
    return this.#call("POST", "", inputs, { "x-request-id": request });
  }

  /** Asks for all rows at once. The answers are in their order, all by the same model. */
  async predictMany(rows: readonly Inputs[], request = ""): Promise<Prediction[]> {
    return rows.length ? this.#call("POST", "", rows, { "x-request-id": request }) : [];
  }

  /** Says what would have been right. `request` is that of a prediction. */
  correct(request: string, correct: Correct): Promise<Receipt> {
    return this.#give({ request, correct });
  }

  /** Says how good a prediction was. */
  rate(request: string, rating: RatingValue): Promise<Receipt> {
    return this.#give({ request, rating });
  }

  /** Says what came of a prediction, as any JSON. */
  reportOutcome(request: string, outcome: unknown): Promise<Receipt> {
    return this.#give({ request, outcome });
  }

  /** Gives an example that nobody asked about. */
  addExample(inputs: Inputs, correct: Correct): Promise<Receipt> {
    return this.#give({ inputs, correct });
  }

  /** Gives many rows at once; those that cannot be taken are named in the receipt. */
  giveFeedback(rows: readonly Feedback[]): Promise<Receipt> {
    return this.#give(rows);
  }

  /** Takes a row or a batch of feedback back, by its id. Returns how many rows that were. */
  async withdraw(feedback: string): Promise<number> {
    const path = `/feedback/${encodeURIComponent(feedback)}`;
    return (await this.#call<{ withdrawn: number }>("DELETE", path)).withdrawn;
  }

  #give(body: Feedback | readonly Feedback[]): Promise<Receipt> {
    return this.#call("POST", "/feedback", body, { "x-maker": this.#maker });
  }

  /** Sends until there is an answer that stands, or no time for another try, and reads it. */
  async #call<T>(method: string, path: string, body?: unknown, more: Record<string, string> = {}): Promise<T> {
    const deadline = performance.now() + this.#timeoutMs;
    const headers = Object.fromEntries(Object.entries({ ...this.#headers, ...more }).filter(([, value]) => value));
    const message = body === undefined ? { method, headers } : { method, headers, body: JSON.stringify(body) };
    for (let attempt = 0; ; attempt++) {
      const reply = await this.#send(path, message, deadline);
      const wait = pause(reply, attempt);
      const last = attempt >= this.#retries || performance.now() + wait >= deadline;
      if (last || (reply.status !== 429 && reply.status !== 503)) return open(reply);
      await new Promise((resolve) => setTimeout(resolve, wait));
    }
  }

  async #send(path: string, message: RequestInit, deadline: number): Promise<Reply> {
    const signal = AbortSignal.timeout(Math.max(1, Math.ceil(deadline - performance.now())));
    try {
      const response = await fetch(this.#url + path, { ...message, redirect: "error", signal });
      return { status: response.status, headers: response.headers, text: await response.text() };
    } catch (error) {
      if (signal.aborted) {
        throw new FreeholdError(`No answer within ${this.#timeoutMs} ms.`, { code: "timeout" });
      }
      throw new FreeholdError(`The server cannot be reached: ${reason(error)}.`, { code: "unreachable" });
    }
  }
}

interface Reply {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
}

/** Returns the milliseconds until the next try: what the server asks for, and a random part that grows. */
function pause(reply: Reply, attempt: number): number {
  const grown = Math.min(250 * 2 ** attempt, 8_000);
  const asked = retryAfter(reply.headers.get("retry-after") ?? "");
  return asked === undefined ? grown * (0.5 + Math.random() / 2) : asked + grown * Math.random();
}

/** Reads seconds, or a date. */
function retryAfter(text: string): number | undefined {
  if (/^\s*\d+\s*$/.test(text)) return 1_000 * Number(text);
  const date = Date.parse(text);
  return Number.isNaN(date) ? undefined : Math.max(0, date - Date.now());
}

/** Reads the body of a reply, or throws what it says. */
function open<T>(reply: Reply): T {
  const { status } = reply;
  const request = reply.headers.get("x-request-id") ?? "";
  try {
    const body: unknown = JSON.parse(reply.text);
    if (status >= 200 && status < 300) return body as T;
    const said = (body as { error: Record<"message" | "code" | "param", string | null> }).error;
    const about = { status, code: String(said.code), param: said.param ?? "", request };
    throw new FreeholdError(String(said.message), about);
  } catch (error) {
    if (error instanceof FreeholdError) throw error;
    const message = `HTTP ${status}, with a body that is not a Freehold server's.`;
    throw new FreeholdError(message, { status, code: "unreadable", request });
  }
}

/** Returns what lies behind an error of `fetch`, which says little itself. */
function reason(error: unknown): string {
  const cause = (error as { cause?: unknown } | undefined)?.cause ?? error;
  return cause instanceof Error ? cause.message || cause.name : String(cause);
}

function environment(name: string): string {
  const { process } = globalThis as { process?: { env?: Record<string, string | undefined> } };
  return process?.env?.[name] ?? "";
}
