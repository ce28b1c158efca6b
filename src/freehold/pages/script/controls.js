// The other controls: each is begun for an item, set to a value, read, and kept as it was typed.

class Options {
  constructor(root, changed) {
    this.root = root;
    this.kind = root.dataset.kind;
    this.inputs = [...root.querySelectorAll(".options input")];
    for (const each of this.inputs) each.addEventListener("change", changed);
    this.changed = changed;
  }

  begin() {
    for (const each of this.inputs) each.checked = false;
  }

  set(value) {
    const wanted = (Array.isArray(value) ? value : [value]).map(String);
    for (const each of this.inputs) each.checked = wanted.includes(each.value);
  }

  digit(number) {
    const input = this.inputs[number - 1];
    if (!input) return false;
    input.focus();
    input.click();
    return true;
  }

  read() {
    const found = this.inputs.filter((each) => each.checked).map((each) => each.value);
    if (this.kind === "choices") return { value: found };
    if (!found.length) return { problem: "has no answer", at: this.inputs[0] };
    if (this.kind === "predicate") return { value: found[0] === "true" };
    return { value: this.kind === "score" ? Number(found[0]) : found[0] };
  }

  typed() {
    return this.inputs.filter((each) => each.checked).map((each) => each.value);
  }

  restore(typed) {
    this.set(typed);
  }
}

class Search {
  constructor(root, changed) {
    this.root = root;
    this.combobox = new Combobox(root.querySelector(".combobox"), (label) => this.pick(label));
    this.line = this.combobox.line;
    this.line.addEventListener("input", changed);
    this.changed = changed;
  }

  begin() {
    this.line.value = "";
  }

  pick(label) {
    this.line.value = label;
    this.changed();
  }

  set(value) {
    if (typeof value !== "string") return;
    this.combobox.learn(value);
    this.line.value = value;
  }

  digit() {
    return false;
  }

  read() {
    const text = this.line.value;
    const label = this.combobox.known.find((each) => each === text || each === text.trim());
    if (label !== undefined) return { value: label };
    if (this.combobox.free && text.trim()) {
      this.combobox.learn(text.trim());
      return { value: text.trim() };
    }
    return { problem: text.trim() ? `has no label “${text}”` : "has no answer", at: this.line };
  }

  typed() {
    return this.line.value;
  }

  restore(typed) {
    if (typeof typed === "string") this.line.value = typed;
  }
}

class SearchMany extends Search {
  constructor(root, changed) {
    super(root, changed);
    this.list = root.querySelector(".chosen");
    this.chosen = [];
  }

  begin() {
    super.begin();
    this.set([]);
  }

  pick(label) {
    this.line.value = "";
    this.set([...new Set([...this.chosen, label])]);
    this.changed();
  }

  set(value) {
    if (!Array.isArray(value)) return;
    this.chosen = value;
    this.list.replaceChildren(...value.map((label) => {
      this.combobox.learn(label);
      const remove = button("Remove", `Remove ${label}`, () => {
        this.set(this.chosen.filter((each) => each !== label));
        this.line.focus();
        this.changed();
      });
      return make("li", {}, bdi(label), remove);
    }));
  }

  read() {
    if (this.line.value.trim()) return { problem: `has “${this.line.value}” typed, and not picked`, at: this.line };
    return { value: this.chosen };
  }

  typed() {
    return { line: this.line.value, chosen: this.chosen };
  }

  restore(typed) {
    if (!typed || !Array.isArray(typed.chosen)) return;
    this.set(typed.chosen);
    this.line.value = typed.line || "";
  }
}

// A comma before three digits may stand for thousands or for a fraction: it is neither.
function toNumber(text) {
  const bare = text.trim();
  const known = /^[+-]?(\d+([.,]\d*)?|[.,]\d+)(e[+-]?\d{1,3})?$/i.test(bare) && !/\d,\d{3}$/.test(bare);
  const number = Number(bare.replace(",", "."));
  return known && Number.isFinite(number) ? number : null;
}

class Line {
  constructor(root, changed) {
    this.kind = root.dataset.kind;
    this.root = root;
    this.line = root.querySelector("input, textarea");
    this.line.addEventListener("input", changed);
  }

  begin() {
    this.line.value = "";
  }

  set(value) {
    if (value !== null && value !== undefined) this.line.value = String(value);
  }

  digit() {
    return false;
  }

  read() {
    const text = this.line.value;
    if (this.kind === "text") return text ? { value: text } : { problem: "has no text", at: this.line };
    const number = toNumber(text);
    if (number !== null && (this.kind === "number" || Number.isInteger(number))) return { value: number };
    const wanted = this.kind === "number" ? "a number" : "a whole number";
    return { problem: text.trim() ? `has “${text}”, which is not ${wanted}` : "has no answer", at: this.line };
  }

  typed() {
    return this.line.value;
  }

  restore(typed) {
    if (typeof typed === "string") this.line.value = typed;
  }
}

function makeControl(root, changed) {
  const kind = root.dataset.kind;
  if (kind === "spans") return new Spans(root, changed);
  if (root.querySelector(".options")) return new Options(root, changed);
  if (!root.querySelector(".combobox")) return new Line(root, changed);
  return kind === "choices" ? new SearchMany(root, changed) : new Search(root, changed);
}

// A value as people read it.
function shown(value) {
  if (value === true || value === false) return value ? "yes" : "no";
  if (Array.isArray(value)) {
    if (!value.length) return "none";
    return value.map((each) => (typeof each === "object" ? `${each.label}: ${each.text}` : each)).join("; ");
  }
  return String(value);
}
