// A line that searches a list of labels while one types: the combobox of the WAI-ARIA practices.

function words(text) {
  return text.toLowerCase().replace(/[_\s]+/g, " ").trim();
}

class Combobox {
  constructor(root, picked) {
    this.line = root.querySelector("input");
    this.list = root.querySelector("ul");
    this.free = root.hasAttribute("data-free");
    this.picked = picked;
    this.active = null;
    this.line.addEventListener("input", () => this.open());
    this.line.addEventListener("click", () => this.open());
    this.line.addEventListener("blur", () => this.close());
    this.line.addEventListener("keydown", (event) => this.key(event));
    // A press would take the focus from the line, and that closes the list before the click is there.
    this.list.addEventListener("mousedown", (event) => event.preventDefault());
    this.list.addEventListener("click", (event) => {
      const option = event.target.closest("li");
      if (option) this.pick(option.dataset.value);
    });
  }

  get isOpen() {
    return !this.list.hidden;
  }

  get known() {
    return [...this.list.children].map((each) => each.dataset.value);
  }

  // Where any label may be given, those that were given once are offered from then on.
  learn(value) {
    if (!this.free || this.known.includes(value)) return;
    const id = `${this.list.id}-n${this.list.children.length}`;
    this.list.append(make("li", { role: "option", id, "aria-selected": "false", "data-value": value }, bdi(value)));
  }

  open() {
    const wanted = words(this.line.value);
    const parts = wanted.split(" ");
    let best = null;
    for (const option of this.list.children) {
      const name = words(option.dataset.value);
      const text = words(option.textContent);
      option.hidden = !parts.every((part) => text.includes(part));
      const better = !best || (name === wanted && words(best.dataset.value) !== wanted);
      const begins = best && name.startsWith(wanted) && !words(best.dataset.value).startsWith(wanted);
      if (!option.hidden && (better || begins)) best = option;
    }
    this.list.hidden = best === null;
    this.line.setAttribute("aria-expanded", String(this.isOpen));
    this.point(this.free && wanted && best && words(best.dataset.value) !== wanted ? null : best);
  }

  close() {
    this.list.hidden = true;
    this.line.setAttribute("aria-expanded", "false");
    this.point(null);
  }

  point(option) {
    if (this.active) this.active.setAttribute("aria-selected", "false");
    this.active = option;
    if (!option) {
      this.line.removeAttribute("aria-activedescendant");
      return;
    }
    option.setAttribute("aria-selected", "true");
    this.line.setAttribute("aria-activedescendant", option.id);
    option.scrollIntoView({ block: "nearest" });
  }

  step(by) {
    const shown = [...this.list.children].filter((each) => !each.hidden);
    const at = shown.indexOf(this.active);
    this.point(shown[at < 0 ? (by > 0 ? 0 : shown.length - 1) : (at + by + shown.length) % shown.length] || null);
  }

  key(event) {
    if (event.ctrlKey || event.metaKey || event.isComposing) return;
    if (event.key === "ArrowDown" || event.key === "ArrowUp") {
      const was = this.isOpen;
      if (!was) this.open();
      if (was || !this.active) this.step(event.key === "ArrowDown" ? 1 : -1);
    } else if (event.key === "Enter") {
      if (this.isOpen && this.active) this.pick(this.active.dataset.value);
      else if (this.free && this.line.value.trim()) this.pick(this.line.value.trim());
    } else if (event.key === "Escape" && this.isOpen) {
      this.close();
      event.stopPropagation();
    } else return;
    event.preventDefault();
  }

  pick(value) {
    this.learn(value);
    this.close();
    this.picked(value);
  }
}
