// Calls to the server, and what the browser keeps while there is none.

class Lost extends Error {}

class Refused extends Error {
  constructor(status, error) {
    super((error && error.message) || `The server said ${status}.`);
    this.status = status;
    this.code = (error && error.code) || "";
  }
}

// Lost: whether it arrived is not known, and it may be sent again. Refused: sending it again changes nothing.
async function call(method, path, body, options) {
  let response;
  let said;
  try {
    const sent = body === undefined ? {} : { body: JSON.stringify(body), headers: { "content-type": "application/json" } };
    const signal = AbortSignal.timeout(20000);
    response = await fetch(path, { method, credentials: "same-origin", cache: "no-store", signal, ...sent, ...options });
    said = await response.json();
  } catch {
    throw new Lost("The server cannot be reached.");
  }
  if (response.status >= 500 || response.status === 429 || response.status === 408) {
    throw new Lost(`The server is busy or ailing (${response.status}).`);
  }
  if (!response.ok) throw new Refused(response.status, said && said.error);
  return said;
}

// What survives a closed page. Where the browser gives no room, it lasts as long as the page.
const memory = new Map();

const kept = {
  read(name) {
    try {
      const text = localStorage.getItem(name);
      if (text !== null) return JSON.parse(text);
    } catch {
      // No room or no JSON: what this page knows has to do.
    }
    return memory.get(name);
  },
  write(name, value) {
    memory.set(name, value);
    try {
      localStorage.setItem(name, JSON.stringify(value));
    } catch {
      // As above.
    }
  },
  drop(name) {
    memory.delete(name);
    try {
      localStorage.removeItem(name);
    } catch {
      // As above.
    }
  },
};

// Forgets drafts: all of them, or those from long ago, whose items others have by now.
function forgetDrafts(before) {
  for (const name of Object.keys({ ...localStorage })) {
    if (!name.startsWith("freehold:draft:")) continue;
    const draft = kept.read(name);
    if (!draft || !(draft.saved >= before)) kept.drop(name);
  }
}

function pause(milliseconds) {
  return new Promise((resolve) => setTimeout(resolve, milliseconds));
}
