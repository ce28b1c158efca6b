// One item at a time: shown, judged, skipped, taken back; what is typed is kept while it is typed.

const IDLE = 60000;

class ItemPage {
  constructor(worker) {
    this.worker = worker;
    this.item = null;
    this.seconds = 0;
    this.moved = Date.now();
    this.busy = false;
    const changed = () => this.touch();
    this.controls = [...document.querySelectorAll(".field")].map((root) => makeControl(root, changed));
    for (const id of ["comment", "flag"]) find(id).addEventListener("input", changed);
    find("answers").addEventListener("submit", (event) => {
      event.preventDefault();
      this.save();
    });
    const buttons = { take: () => this.takeAll(), skip: () => this.skip(), undo: () => this.undo() };
    for (const [id, act] of Object.entries(buttons)) find(`${id}-button`).addEventListener("click", act);
    find("undo-last-button").addEventListener("click", () => this.undo());
    find("again-button").addEventListener("click", () => this.load());
    find("skip-dialog").addEventListener("keydown", (event) => {
      const option = !isTyping(event.target) && find("skip-dialog").querySelectorAll('[name="why"]')[Number(event.key) - 1];
      if (option) option.click();
    });
    onKeys({
      save: () => this.save(), a: buttons.take, x: buttons.skip, u: buttons.undo, digit: (number) => this.digit(number),
      f: () => find("flag").click(), c: () => this.comment(), g: () => find("guidelines").focus(),
    });
    for (const kind of ["keydown", "pointerdown", "pointermove", "wheel"]) {
      document.addEventListener(kind, () => { this.moved = Date.now(); }, { passive: true });
    }
    document.addEventListener("visibilitychange", () => document.hidden && this.keepDraft());
    addEventListener("pagehide", () => this.keepDraft());
    // Whoever signs out of a shared computer leaves nothing on it that the server has.
    const leave = document.querySelector('form[action="/signout"]');
    if (leave) leave.addEventListener("submit", () => this.changed || forgetDrafts(Infinity));
    setInterval(() => this.tick(), 1000);
  }

  async begin() {
    await this.worker.begin();
    await this.worker.flush();
    await this.load();
  }

  get shown() {
    return this.controls.filter((each) => this.item && each.root.dataset.field in this.item.fields);
  }

  async load() {
    if (this.busy) return;
    await this.alone(async () => {
      const { path, wanted } = this.worker;
      const found = await this.worker.insist(() => call("POST", `${path}/next`, this.worker.body({ limit: 1, ...wanted })));
      this.count(found);
      this.show(found.items[0] || null, found);
    });
  }

  // One thing at a time: nobody answers an item that is being saved.
  async alone(work) {
    this.busy = true;
    find("item").inert = true;
    try {
      await work();
    } catch (error) {
      complain(error.message);
    } finally {
      this.busy = false;
      find("item").inert = false;
    }
    if (this.focus) this.focus.focus();
    this.focus = null;
  }

  count(found) {
    const all = found.done + found.waiting;
    find("progress").max = Math.max(all, 1);
    find("progress").value = found.done;
    find("counts").textContent = `${found.done} done by you, ${found.waiting} left`;
  }

  show(item, found) {
    this.item = item;
    this.seconds = 0;
    this.tick(true);
    find("item").hidden = !item;
    find("nothing").hidden = Boolean(item);
    if (!item) {
      const narrowed = Object.keys(this.worker.wanted).length ? " that fits the search" : "";
      const more = found && found.waiting ? ` ${found.waiting} others wait.` : "";
      find("why-nothing").textContent = `Nothing waits for you${narrowed}.${more}`;
      this.focus = find("again-button");
      return;
    }
    find("kind").textContent = item.kind === "adjudication" ? "Others disagree about this one: you decide." : "";
    const marked = this.shown[0] instanceof Spans;
    find("inputs").replaceChildren(...(marked ? [] : Object.entries(item.inputs).map(describeInput)));
    for (const each of this.controls) {
      each.root.hidden = !this.shown.includes(each);
      each.root.setAttribute("aria-describedby", marked ? "" : "inputs");
      if (!each.root.hidden) each.begin(item.inputs);
      each.root.querySelector(".thoughts").replaceChildren(...(each.root.hidden ? [] : this.thoughts(each)));
    }
    find("take-button").hidden = !this.shown.some((each) => this.suggested(each) !== undefined);
    find("comment").value = "";
    find("flag").checked = false;
    find("more").open = false;
    this.restore(item);
    this.focus = this.shown[0].root.querySelector(".region, .options input, input, textarea");
  }

  suggested(control) {
    const field = this.item.fields[control.root.dataset.field];
    const proposed = field.proposed ? field.proposed.value : undefined;
    const value = proposed ?? field.suggestion;
    return value === null ? undefined : value;
  }

  thoughts(control) {
    const field = this.item.fields[control.root.dataset.field];
    const lines = [];
    const name = control.root.dataset.field;
    const add = (words, value, more) => {
      const use = button("Take", `Take for ${name}: ${shown(value)}`, () => {
        control.set(value);
        this.touch();
      });
      lines.push(make("p", {}, make("span", {}, `${words} `, make("strong", {}, bdi(shown(value))), more), use));
    };
    const share = (number) => (typeof number === "number" && number > 0 ? ` (${Math.round(100 * number)} %)` : "");
    if (field.given !== null && field.given !== undefined) add("In the data:", field.given, "");
    if (field.suggestion !== null && field.suggestion !== undefined) add("Suggested:", field.suggestion, share(field.confidence));
    for (const each of field.answers || []) add("Said:", each.value, ` by ${each.experts}`);
    if (field.proposed) add("All answers together:", field.proposed.value, share(field.proposed.confidence));
    if (field.reason) lines.push(make("p", { class: "quiet" }, bdi(field.reason)));
    return lines;
  }

  takeAll() {
    if (!this.item || this.busy) return;
    for (const each of this.shown) {
      const value = this.suggested(each);
      if (value !== undefined) each.set(value);
    }
    say("Took what is suggested.");
    this.touch();
  }

  digit(number) {
    if (!this.item || this.busy) return;
    const at = this.shown.find((each) => each.root.contains(document.activeElement));
    const open = at || this.shown.find((each) => each.read().problem) || this.shown[0];
    open.digit(number);
  }

  comment() {
    if (!this.item) return;
    find("more").open = true;
    find("comment").focus();
  }

  tick(now) {
    if (!now && this.item && !document.hidden && Date.now() - this.moved < IDLE) this.seconds++;
    const minutes = Math.floor(this.seconds / 60);
    find("timer").textContent = this.item ? `${minutes}:${String(this.seconds % 60).padStart(2, "0")}` : "";
  }

  touch() {
    if (!this.item || this.busy) return;
    this.moved = Date.now();
    kept.write(this.draftKey(), this.draft());
    clearTimeout(this.later);
    this.later = setTimeout(() => this.keepDraft(), 400);
    this.changed = true;
  }

  draftKey() {
    return this.worker.key(`draft:${this.item.assignment}`);
  }

  draft() {
    const typed = Object.fromEntries(this.shown.map((each) => [each.root.dataset.field, each.typed()]));
    return { typed, comment: find("comment").value, flag: find("flag").checked, seconds: this.seconds, saved: Date.now() };
  }

  // The server has drafts too: another browser, or this one without its memory, goes on from there.
  async keepDraft() {
    clearTimeout(this.later);
    if (!this.item || !this.changed || this.busy) return;
    this.changed = false;
    const { assignment } = this.item;
    try {
      const path = `${this.worker.path}/${assignment}/draft`;
      await call("PUT", path, this.worker.body({ draft: this.draft() }), { keepalive: true });
      if (this.unkept) complain("");
      this.unkept = false;
    } catch (error) {
      if (!this.item || this.item.assignment !== assignment) return;
      this.changed = true;
      this.unkept = true;
      if (error.status === 401) askToSignIn();
      else complain(`${error.message} What you typed is kept in this browser.`);
      if (error instanceof Lost || error.status === 401) this.later = setTimeout(() => this.keepDraft(), 3000);
    }
  }

  restore(item) {
    const here = kept.read(this.draftKey());
    const there = item.draft;
    const newer = here && (!there || !there.saved || here.saved >= there.saved);
    const draft = newer ? here : there;
    this.changed = Boolean(newer && there !== null && (!there || here.saved > (there.saved || 0)));
    if (!draft || typeof draft !== "object") return;
    for (const each of this.shown) {
      const name = each.root.dataset.field;
      if (draft.typed && name in draft.typed) each.restore(draft.typed[name]);
      else if (draft.answers && name in draft.answers) each.set(draft.answers[name]);
    }
    find("comment").value = draft.comment || "";
    find("more").open = Boolean(draft.comment);
    find("flag").checked = Boolean(draft.flag);
    this.seconds = Number(draft.seconds) || 0;
    say("What you had typed is here again.");
    if (this.changed) this.later = setTimeout(() => this.keepDraft(), 400);
  }

  async save() {
    if (!this.item || this.busy) return;
    const answers = {};
    for (const each of this.shown) {
      const { value, problem, at } = each.read();
      if (problem) {
        complain(`${each.root.dataset.field} ${problem}.`);
        if (at) at.focus();
        return;
      }
      answers[each.root.dataset.field] = value;
    }
    await this.tell({ answers }, "Saved.");
  }

  async skip() {
    if (!this.item || this.busy) return;
    const dialog = find("skip-dialog");
    for (const each of dialog.querySelectorAll('[name="why"]')) each.checked = false;
    find("why").value = "";
    if ((await ask(dialog)) !== "skip") return;
    const picked = dialog.querySelector('[name="why"]:checked');
    await this.tell({ skip: find("why").value.trim() || (picked ? picked.value : "No reason") }, "Skipped.");
  }

  async tell(said, done) {
    const { assignment } = this.item;
    const more = { flag: find("flag").checked, comment: find("comment").value.trim(), seconds: this.seconds };
    const key = this.draftKey();
    clearTimeout(this.later);
    complain("");
    say("Saving…");
    let isOver = false;
    await this.alone(async () => {
      try {
        await this.worker.deliver("POST", `${this.worker.path}/${assignment}`, this.worker.body({ ...said, ...more }));
      } catch (error) {
        say("");
        if (error.status === 400) throw error;
        // The item is gone: what was said about it stays to be read.
        complain(`${error.message} What you said was: ${JSON.stringify(said)}`);
        isOver = true;
        return;
      }
      kept.drop(key);
      this.last = true;
      say(done);
      isOver = true;
    });
    if (isOver) await this.load();
  }

  async undo() {
    if (this.busy) return;
    await this.keepDraft();
    await this.alone(async () => {
      let found;
      try {
        found = await this.worker.insist(() => call("POST", `${this.worker.path}/undo`, this.worker.body({})));
      } catch (error) {
        say(error.message);
        return;
      }
      if (found.item) {
        this.show(found.item);
        say("Taken back: here is what you had said.");
      } else say("Taken back. Nobody needs your answer to it any more.");
    });
  }
}

function describeInput([name, text]) {
  return make("div", { class: "input" }, make("span", { class: "name" }, bdi(name)), write(make("div", { class: "text", dir: "auto" }), text));
}
