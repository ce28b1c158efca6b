// Texts in which spans are marked. A text that can be edited has a caret and a selection that every keyboard,
// pointer and screen reader knows; that anything changes in it is prevented.

class Region {
  constructor(name, text, label, changed) {
    this.text = text;
    this.spans = [];
    this.range = null;
    this.changed = changed;
    this.box = make("div", {
      class: "text region", contenteditable: "true", role: "textbox", "aria-multiline": "true", "aria-readonly": "true",
      "aria-label": label, spellcheck: "false", dir: "auto", tabindex: "0",
    });
    this.element = make("div", {}, make("span", { class: "name" }, bdi(name)), this.box);
    for (const kind of ["beforeinput", "drop", "paste", "cut"]) {
      this.box.addEventListener(kind, (event) => event.preventDefault());
    }
    // A composition cannot be prevented: what it wrote is taken out.
    this.box.addEventListener("input", () => this.draw());
    this.box.addEventListener("compositionend", () => this.draw());
    document.addEventListener("selectionchange", () => this.follow());
    this.draw();
  }

  follow() {
    const selection = getSelection();
    if (!selection.rangeCount || !this.box.isConnected) return;
    const range = selection.getRangeAt(0);
    if (!this.box.contains(range.startContainer) || !this.box.contains(range.endContainer)) return;
    this.range = [this.place(range.startContainer, range.startOffset), this.place(range.endContainer, range.endOffset)];
  }

  place(node, offset) {
    const before = document.createRange();
    before.selectNodeContents(this.box);
    before.setEnd(node, offset);
    return before.toString().length;
  }

  // Returns the span that is selected, or the word at the caret, in code points; null where there is neither.
  selected() {
    this.follow(); // the browser tells of a selection a little later than it makes it
    if (!this.range) return null;
    const [from, to] = this.range;
    const [start, end] = from === to ? wordAt(this.text, from) : tidy(this.text, from, to);
    if (start >= end) return null;
    return { start: toPoints(this.text, start), end: toPoints(this.text, end), text: this.text.slice(start, end) };
  }

  show(spans) {
    this.spans = spans;
    this.draw();
  }

  draw() {
    const caret = document.activeElement === this.box && this.range ? this.range[1] : null;
    const placed = this.spans.map((each) => ({
      from: toUnits(this.text, each.start), to: toUnits(this.text, each.end), label: each.label,
    }));
    const cuts = new Set([0, this.text.length]);
    for (const each of placed) cuts.add(each.from).add(each.to);
    const ends = [...cuts].sort((a, b) => a - b);
    this.box.replaceChildren();
    ends.slice(1).forEach((to, n) => {
      const from = ends[n];
      const over = placed.filter((each) => each.from < to && each.to > from);
      const part = this.text.slice(from, to);
      if (!over.length) return write(this.box, part);
      const done = over.filter((each) => each.to === to).map((each) => each.label).join(", ");
      return this.box.append(write(make("mark", { "data-label": done || undefined }), part));
    });
    if (caret !== null) this.put(caret);
  }

  put(units) {
    const walker = document.createTreeWalker(this.box, NodeFilter.SHOW_TEXT);
    let left = units;
    for (let node = walker.nextNode(); node; node = walker.nextNode()) {
      if (left <= node.data.length) {
        getSelection().collapse(node, left);
        return;
      }
      left -= node.data.length;
    }
  }
}

class Spans {
  constructor(root, changed) {
    this.root = root;
    this.name = root.dataset.field;
    this.changed = changed;
    this.regions = [];
    this.value = [];
    this.list = root.querySelector(".spans");
    const box = root.querySelector(".combobox");
    this.combobox = box && new Combobox(box, (label) => {
      this.mark(label);
      this.combobox.line.value = "";
    });
    for (const each of root.querySelectorAll(".marker")) {
      each.addEventListener("mousedown", (event) => event.preventDefault());
      each.addEventListener("click", () => this.mark(each.dataset.value));
    }
  }

  begin(inputs) {
    const label = (name) => `${this.name}: the text ${name}; select and pick a label`;
    this.regions = Object.entries(inputs).map(([name, text]) => new Region(name, text, label(name), this.changed));
    this.root.querySelector(".regions").replaceChildren(...this.regions.map((each) => each.element));
    this.set([]);
  }

  // Marks what was selected last.
  mark(label) {
    const active = this.regions.find((each) => each.box === document.activeElement);
    const region = active || this.regions.find((each) => each.range);
    const span = region && region.selected();
    if (!span) {
      say("Select some of the text first.");
      return;
    }
    const twin = this.value.some((each) => each.start === span.start && each.end === span.end && each.label === label);
    if (!twin) this.set([...this.value, { label, ...span }]);
    if (active) region.put(toUnits(region.text, span.end));
    region.range = null;
    region.follow();
    say(`Marked “${span.text}” as ${label}.`);
    this.changed();
  }

  set(value) {
    this.value = [...value].sort((a, b) => a.start - b.start || a.end - b.end);
    for (const region of this.regions) {
      const covers = (each) => region.text.slice(toUnits(region.text, each.start), toUnits(region.text, each.end));
      region.show(this.value.filter((each) => each.text === undefined || covers(each) === each.text));
    }
    this.list.replaceChildren(...this.value.map((each) => {
      const remove = button("Remove", `Remove ${each.label}: ${each.text}`, () => {
        this.set(this.value.filter((other) => other !== each));
        this.changed();
      });
      return make("li", {}, make("strong", {}, bdi(each.label)), bdi(each.text || ""),
        make("span", { class: "quiet" }, `${each.start} to ${each.end}`), remove);
    }));
  }

  digit(number) {
    const marker = this.root.querySelectorAll(".marker")[number - 1];
    if (marker) this.mark(marker.dataset.value);
    return Boolean(marker);
  }

  read() {
    return { value: this.value };
  }

  typed() {
    return this.value;
  }

  restore(typed) {
    if (Array.isArray(typed)) this.set(typed);
  }
}
