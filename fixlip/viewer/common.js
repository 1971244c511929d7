"use strict";
// The parts that the whole page shares: the data, the state, and the writing of numbers.
// All strings of the data reach the page only through textContent and attributes.
const data = JSON.parse(document.getElementById("data").textContent);
const contents = data.panels ?? [data], compared = Boolean(data.panels);
for (const content of contents) unpack(content);
const EXTRAS = []; // functions (panel) => ({ render() {}, clear() {} }) for further parts of a panel, drawn with it
const $ = (id) => document.getElementById(id);
// panels with equal places share them; a number is three bytes, the upper ones of a 32-bit float
function unpack(content) {
  Object.assign(content, data.places[content.place]);
  const n = content.patches.length, rows = (flat) => flat && content.words.map((_, k) => flat.slice(k * n, (k + 1) * n));
  for (const name of ["first", "firstError", "adds", "addsError"]) content[name] = floats(content[name]);
  for (const name of ["cross", "crossError"]) content[name] = rows(floats(content[name]));
  for (const pair of content.bindings ?? []) for (const name of ["values", "errors"]) pair[name] = floats(pair[name]);
}
function floats(text) {
  if (text === null) return null;
  const bytes = atob(text), bits = new Uint32Array(bytes.length / 3);
  for (let i = 0; i < bits.length; i++) {
    bits[i] = (bytes.charCodeAt(3 * i) << 24) | (bytes.charCodeAt(3 * i + 1) << 16) | (bytes.charCodeAt(3 * i + 2) << 8);
  }
  return Array.from(new Float32Array(bits.buffer), (v) => (Number.isNaN(v) ? null : v));
}
const SVG = "http://www.w3.org/2000/svg";
const MAX_OPACITY = 0.88, ROWS = data.panels ? 8 : 12;
const hasCross = (content) => content.cross.some((row) => row.some((v) => v !== null));
const hasPairs = contents.some(hasCross);
const small = matchMedia("(max-width: 760px)"); // as in circumstances.css; a frame may get its width after its page
const usualLayout = () => (small.matches && !data.query ? "tabs" : data.layout);
// words have numbers that all panels share, and are chosen and hovered in all panels together
const state = { words: new Set(), together: false, hover: null, view: hasPairs ? "pairs" : "first", sign: "both", scale: data.scale ?? "shared", layout: usualLayout(), tab: 0 };

function attributed(element, attributes) {
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  return element;
}
function make(tag, text, attributes = {}) {
  const element = attributed(document.createElement(tag), attributes);
  if (text !== undefined) element.textContent = text;
  return element;
}
// radio buttons for [value, text], one of which is chosen
function radios(place, name, options, chosen, changed, enabled = true) {
  for (const [value, text] of options) {
    const label = make("label"), input = make("input", undefined, { type: "radio", name, value });
    input.checked = value === chosen;
    input.disabled = !enabled;
    input.addEventListener("change", () => changed(value));
    label.append(input, text);
    place.append(label);
  }
}
const draw = (tag, attributes = {}) => attributed(document.createElementNS(SVG, tag), attributes);
const range = (n) => [...Array(n).keys()];

// as in `Explanation.patch_values`: a pair that was not estimated counts as 0; the sum is null if none was estimated
function sum(items, value) {
  let total = 0, some = !items.length;
  for (const item of items) {
    const v = value(item);
    if (v !== null) [total, some] = [total + v, true];
  }
  return some ? total : null;
}
const largest = (values) => values.reduce((top, v) => Math.max(top, Math.abs(v ?? 0)), 0);
const shown = (v) => (v === null ? null : state.sign === "positive" ? Math.max(v, 0) : state.sign === "negative" ? Math.min(v, 0) : v);

// the ends of the scales of patches and of words, which panels share (those in "relevance" have separate scales)
const additive = contents.filter((c) => c.unit !== "relevance");
const overall = (measure) => largest((additive.length ? additive : contents).map(measure));
const sharedLimit = {
  pairs: overall((c) => Math.max(largest(c.cross.map(largest)), largest(c.patches.map((_, i) => sum(c.cross, (row) => row[i]))))),
  first: overall((c) => largest(c.first.slice(0, c.patches.length))),
};
const wordLimit = {
  pairs: overall((c) => largest(c.gains ?? c.adds?.slice(c.patches.length) ?? c.cross.map((row) => sum(row, (v) => v)))),
  first: overall((c) => largest(c.first.slice(c.patches.length))),
};

const digits = (size) => (size >= 100 ? 0 : size >= 1 || size === 0 ? 2 : 2 - Math.floor(Math.log10(size)));
const write = (v, size) => (size >= 1e6 || (size > 0 && size < 1e-4) ? v.toExponential(2) : v.toFixed(digits(size)));
const plain = (v) => (v === null ? "–" : write(v, Math.abs(v)).replace("-", "−"));
// the end of the scale decides on the decimals of all numbers in a view
const withSign = (v, size) => { const text = write(Math.abs(v), size); return (v < 0 && Number(text) ? "−" : "+") + text; };
const number = (v, size = sharedLimit[state.view]) => (v === null ? "–" : withSign(v, size));
const plusMinus = (error, size = sharedLimit[state.view]) => {
  const text = write(error, size);
  return error > 0 && Number(text) === 0 ? `± <${text.slice(0, -1)}1` : `± ${text}`;
};
const capital = (text) => text[0].toUpperCase() + text.slice(1);
