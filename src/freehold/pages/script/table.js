// Many items at once: rows are chosen, filled with what is suggested or by hand, and saved in one call.

const PAGE = 25;

class TablePage {
  constructor(worker) {
    this.worker = worker;
    this.offset = 0;
    this.rows = [];
    this.templates = [...document.querySelectorAll("template[data-field]")];
    find("all").addEventListener("change", () => {
      for (const row of this.rows) if (!row.chosen.disabled) row.chosen.checked = find("all").checked;
    });
    find("take-button").addEventListener("click", () => this.take());
    find("save-button").addEventListener("click", () => this.save());
    find("before-button").addEventListener("click", () => this.turn(-PAGE));
    find("after-button").addEventListener("click", () => this.turn(PAGE));
    // What is typed here is not kept anywhere until it is saved.
    addEventListener("beforeunload", (event) => this.changed && event.preventDefault());
    onKeys({});
  }

  async begin() {
    await this.worker.begin();
    await this.worker.flush();
    await this.load();
  }

  turn(by) {
    this.offset = Math.max(0, this.offset + by);
    return this.load();
  }

  async load() {
    const wanted = this.worker.body({ ...this.worker.wanted, limit: PAGE, offset: this.offset });
    let found;
    try {
      found = await this.worker.insist(() => call("GET", `${this.worker.path}?${new URLSearchParams(wanted)}`));
    } catch (error) {
      complain(error.message);
      return;
    }
    this.rows = found.items.map((item, n) => this.row(item, this.offset + n + 1));
    find("rows").tBodies[0].replaceChildren(...this.rows.map((each) => each.element));
    const last = this.offset + found.items.length;
    find("counts").textContent = found.total ? `Items ${this.offset + 1} to ${last} of ${found.total}` : "Nothing waits.";
    find("before-button").disabled = this.offset === 0;
    find("after-button").disabled = last >= found.total;
    find("all").checked = false;
    this.since = Date.now();
    this.changed = false;
  }

  row(item, number) {
    const chosen = make("input", { type: "checkbox", "aria-label": `Item ${number}` });
    chosen.disabled = Boolean(item.mine && item.mine !== "open");
    const row = { item, chosen, number, cells: new Map() };
    const text = Object.entries(item.inputs).map(([, each]) => write(make("div", { class: "text", dir: "auto" }), each));
    const state = [item.mine === "answered" && "answered by you", item.mine === "skipped" && "skipped by you",
      item.disputed && "others disagree"].filter(Boolean).join(", ");
    const note = state ? [make("span", { class: "name" }, state)] : [];
    row.element = make("tr", {}, make("td", {}, chosen), make("td", {}, ...text, ...note), ...this.fields(row));
    return row;
  }

  fields(row) {
    const names = this.worker.fields;
    return names.map((name) => {
      const field = row.item.fields[name];
      const cell = make("td");
      if (!field) return cell;
      const value = field.suggestion ?? field.given ?? null;
      cell.append(make("span", { class: "name" }, bdi(value === null ? name : `${name}: ${shown(value)}`)));
      row.cells.set(name, { field, value, control: this.control(row, name, cell) });
      return cell;
    });
  }

  control(row, name, cell) {
    const label = `${name} of item ${row.number}`;
    const template = this.templates.find((each) => each.dataset.field === name);
    let control;
    if (template) {
      control = template.content.firstElementChild.cloneNode(true);
      control.setAttribute("aria-label", label);
      cell.append(control);
    } else {
      control = make("input", { type: "checkbox" });
      const field = row.item.fields[name];
      const nothing = (field.suggestion ?? field.given ?? null) === null;
      const words = nothing ? "one at a time only" : "as suggested";
      control.disabled = nothing;
      control.setAttribute("aria-label", `${label} ${words}`);
      cell.append(make("label", { class: "option" }, control, words));
    }
    control.disabled = control.disabled || row.chosen.disabled;
    control.addEventListener("input", () => {
      row.chosen.checked = true;
      this.changed = true;
    });
    return control;
  }

  take() {
    for (const row of this.rows.filter((each) => each.chosen.checked)) {
      for (const { value, control } of row.cells.values()) {
        if (value === null) continue;
        if (control.type === "checkbox") control.checked = true;
        else control.value = String(value);
      }
    }
    say("Took what is suggested in the chosen rows.");
  }

  read({ field, value, control }) {
    if (control.type === "checkbox") return control.checked && value !== null ? value : undefined;
    if (control.value === "") return undefined;
    if (field.kind === "predicate") return control.value === "true";
    if (field.kind === "number" || field.kind === "score") return toNumber(control.value) ?? control.value;
    return control.value;
  }

  async save() {
    const sent = [];
    const rows = this.rows.filter((each) => each.chosen.checked && !each.chosen.disabled);
    const seconds = Math.round((Date.now() - this.since) / 1000 / Math.max(rows.length, 1));
    for (const row of rows) {
      const answers = {};
      for (const [name, cell] of row.cells) {
        const value = this.read(cell);
        if (value !== undefined) answers[name] = value;
      }
      if (Object.keys(answers).length < row.cells.size) {
        complain(`Item ${row.number} has a field without a value.`);
        return;
      }
      sent.push({ row, body: { example: row.item.example, answers, seconds } });
    }
    if (!sent.length) {
      say("No row is chosen.");
      return;
    }
    complain("");
    say("Saving…");
    const who = this.worker.keyed ? "" : `?expert=${encodeURIComponent(this.worker.name)}`;
    try {
      const receipt = await this.worker.deliver("POST", `${this.worker.path}${who}`, sent.map((each) => each.body));
      const wrong = receipt.rejected.map((each) => `Item ${sent[each.index].row.number}: ${each.reason}`);
      say(`Saved ${receipt.kept.length} of ${sent.length}.`);
      complain(wrong.join(" "));
      if (!wrong.length) return this.load();
      const refused = new Set(receipt.rejected.map((each) => each.index));
      sent.forEach(({ row }, n) => { if (!refused.has(n)) row.element.remove(); });
      this.rows = this.rows.filter((each) => each.element.isConnected);
    } catch (error) {
      complain(error.message);
    }
    return undefined;
  }
}
