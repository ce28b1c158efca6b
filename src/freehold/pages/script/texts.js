// Text: places in it, as the server counts them, and text from outside as nodes that do nothing.

// Controls and what turns the direction of writing; the same as in safe_text.py.
const ODD = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u200b\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb]/;

// Places of the browser count UTF-16 units, those of the server code points. Half a pair counts as none of it.
function toPoints(text, units) {
  let points = 0;
  for (let at = 0; at < text.length; points++) {
    at += text.codePointAt(at) > 0xffff ? 2 : 1;
    if (at > units) break;
  }
  return points;
}

function toUnits(text, points) {
  let at = 0;
  for (let left = points; left > 0 && at < text.length; left--) at += text.codePointAt(at) > 0xffff ? 2 : 1;
  return at;
}

// Returns [start, end] without blanks at its ends, in whole characters as people see them.
function tidy(text, start, end) {
  while (start < end && /\s/.test(text[start])) start++;
  while (end > start && /\s/.test(text[end - 1])) end--;
  if (start === end) return [start, end];
  for (const { index, segment } of pieces(text, "grapheme")) {
    const stop = index + segment.length;
    if (index < start && start < stop) start = index;
    if (index < end && end < stop) end = stop;
  }
  return [start, end];
}

function wordAt(text, place) {
  for (const { index, segment, isWordLike } of pieces(text, "word")) {
    if (isWordLike && index <= place && place <= index + segment.length) return [index, index + segment.length];
  }
  return [place, place];
}

function pieces(text, granularity) {
  return typeof Intl.Segmenter === "function" ? new Intl.Segmenter(undefined, { granularity }).segment(text) : [];
}

function make(tag, attributes, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes || {})) {
    if (name === "click") element.addEventListener("click", value);
    else if (value !== undefined && value !== false) element.setAttribute(name, value === true ? "" : value);
  }
  element.append(...children);
  return element;
}

// Adds text to an element. What is odd stands apart with its number, and can turn nothing but itself.
function write(element, text) {
  for (const part of text.split(new RegExp(`(${ODD.source})`))) {
    if (!part) continue;
    if (!ODD.test(part)) element.append(part);
    else {
      const code = `U+${part.codePointAt(0).toString(16).toUpperCase().padStart(4, "0")}`;
      element.append(make("span", { class: "odd", "data-code": code, title: code }, part));
    }
  }
  return element;
}

function bdi(text) {
  return write(make("bdi"), text);
}

function button(words, label, click) {
  return make("button", { type: "button", "aria-label": label, click }, words);
}
