// Who works here, on which task; and answers that are kept until the server has them.

function find(id) {
  return document.getElementById(id);
}

function say(text) {
  find("said").textContent = text;
}

function complain(text, link) {
  find("trouble").replaceChildren(...(text ? [text] : []), ...(link ? [" ", link] : []));
}

class Worker {
  constructor(root) {
    this.task = root.dataset.task;
    this.keyed = Boolean(root.dataset.expert);
    this.name = root.dataset.expert || kept.read("freehold:name") || "";
    this.path = `/v1/tasks/${encodeURIComponent(this.task)}/reviews`;
    const query = new URLSearchParams(location.search);
    this.wanted = {};
    for (const each of ["search", "field", "label"]) if (query.get(each)) this.wanted[each] = query.get(each);
  }

  // Where nobody signs in, the page asks for a name, once.
  async begin() {
    forgetDrafts(Date.now() - 30 * 86400000);
    if (!this.name) {
      const dialog = find("name-dialog");
      await ask(dialog, { needed: true });
      this.name = find("name").value;
      kept.write("freehold:name", this.name);
    }
    const who = find("who");
    who.replaceChildren("You are ", bdi(this.name), ".");
    if (!this.keyed) {
      who.append(" ", button("Change", "Change your name", () => {
        kept.drop("freehold:name");
        location.reload();
      }));
    }
  }

  // What is sent: with a name, where the server does not know it from the key.
  body(said) {
    return this.keyed ? said : { ...said, expert: this.name };
  }

  key(what) {
    return `freehold:${what}:${this.task}:${this.name}`;
  }

  // Sends something that must arrive, again and again until it did; it outlives the page.
  async deliver(method, path, body) {
    const entry = { method, path, body };
    kept.write(this.key("outbox"), [...this.outbox(), entry]);
    return this.send(entry);
  }

  outbox() {
    const found = kept.read(this.key("outbox"));
    return Array.isArray(found) ? found : [];
  }

  async send(entry) {
    const said = await this.insist(() => call(entry.method, entry.path, entry.body)).finally(() => {
      const same = JSON.stringify(entry);
      kept.write(this.key("outbox"), this.outbox().filter((each) => JSON.stringify(each) !== same));
    });
    return said;
  }

  // Sends what an earlier page could not.
  async flush() {
    for (const entry of this.outbox()) {
      try {
        await this.send(entry);
        say("An answer from before was saved.");
      } catch (error) {
        complain(`An answer from before was not taken: ${error.message}`);
      }
    }
  }

  // Calls until the server answers; what it refuses is thrown, a session that has ended is not.
  async insist(attempt) {
    for (let wait = 500; ; wait = Math.min(2 * wait, 8000)) {
      try {
        const said = await attempt();
        if (wait > 500) complain("");
        return said;
      } catch (error) {
        if (error instanceof Refused && error.status !== 401) {
          if (wait > 500) complain("");
          throw error;
        }
        if (error instanceof Refused) {
          askToSignIn();
        } else if (error instanceof Lost) {
          complain(`${error.message} What you typed is kept here, and it is tried again.`);
        } else throw error;
        await pause(wait);
      }
    }
  }
}

function askToSignIn() {
  const to = `/signin?to=${encodeURIComponent(location.pathname + location.search)}`;
  complain("Your session has ended; nothing is lost.", make("a", { href: to, target: "_blank" }, "Sign in again"));
}

// Shows a dialog until it is closed; returns the value of the button.
function ask(dialog, options) {
  return new Promise((resolve) => {
    dialog.returnValue = "";
    dialog.showModal();
    if (options && options.needed) dialog.addEventListener("cancel", (event) => event.preventDefault());
    dialog.addEventListener("close", () => resolve(dialog.returnValue), { once: true });
  });
}

function isTyping(element) {
  if (element.matches("textarea, select")) return true;
  return element.matches("input") && !["radio", "checkbox", "button", "submit"].includes(element.type);
}

// Single keys act only outside of lines and texts, and not where somebody switched them off (WCAG 2.2, 2.1.4).
function onKeys(keys) {
  const single = find("single");
  single.checked = kept.read("freehold:keys") !== false;
  single.addEventListener("change", () => kept.write("freehold:keys", single.checked));
  const help = () => ask(find("help-dialog"));
  find("help-button").addEventListener("click", help);
  const all = { "?": help, "/": () => document.querySelector('input[name="search"]').focus(), ...keys };
  document.addEventListener("keydown", (event) => {
    if (event.defaultPrevented || event.isComposing || document.querySelector("dialog[open]")) return;
    if ((event.ctrlKey || event.metaKey) && event.key === "Enter" && all.save) {
      event.preventDefault();
      all.save();
      return;
    }
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const typing = isTyping(event.target);
    if (event.key === "Escape" && typing) {
      (find("item") || document.body).focus();
      return;
    }
    const act = /^[1-9]$/.test(event.key) ? all.digit : all[event.key];
    if (typing || !act || !single.checked || event.key === "save" || event.key === "digit") return;
    event.preventDefault();
    act(Number(event.key));
  });
}
