"use strict";
// What all parts of the page share: the data, the state, how numbers are written.
// All strings of the data reach the page through textContent and attributes only.
const data = JSON.parse(document.getElementById("data").textContent);
const contents = data.panels ?? [data];
const EXTRAS = []; // functions (panel) => ({ render(panel) {} }): further parts of a panel, drawn whenever it is
const $ = (id) => document.getElementById(id);
const SVG = "http://www.w3.org/2000/svg";
const MAX_OPACITY = 0.88, ROWS = data.panels ? 8 : 12;
const known = (content) => content.cross.some((row) => row.some((v) => v !== null));
const hasPairs = contents.some(known);
// words are numbered as all panels share them, and chosen and hovered in all at once
const state = { words: new Set(), hover: null, view: hasPairs ? "pairs" : "first", sign: "both", scale: "shared" };

function attributed(element, attributes) {
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  return element;
}
function make(tag, text, attributes = {}) {
  const element = attributed(document.createElement(tag), attributes);
  if (text !== undefined) element.textContent = text;
  return element;
}
const draw = (tag, attributes = {}) => attributed(document.createElementNS(SVG, tag), attributes);
const range = (n) => [...Array(n).keys()];

// as `Explanation.patch_values` counts: a pair that was not estimated is 0; nothing is known where none was
const sum = (values) => (values.some((v) => v !== null) || !values.length ? values.reduce((total, v) => total + (v ?? 0), 0) : null);
const largest = (values) => values.reduce((top, v) => Math.max(top, Math.abs(v ?? 0)), 0);
const shown = (v) => (v === null ? null : state.sign === "positive" ? Math.max(v, 0) : state.sign === "negative" ? Math.min(v, 0) : v);

// the ends of the scales that panels share (those in "relevance" have their own): of patches, of words
const additive = contents.filter((c) => c.unit !== "relevance");
const overall = (measure) => largest((additive.length ? additive : contents).map(measure));
const sharedLimit = {
  pairs: overall((c) => Math.max(largest(c.cross.flat()), largest(c.patches.map((_, i) => sum(c.cross.map((row) => row[i])))))),
  first: overall((c) => largest(c.first.slice(0, c.patches.length))),
};
const wordLimit = {
  pairs: overall((c) => largest(c.cross.map(sum))),
  first: overall((c) => largest(c.first.slice(c.patches.length))),
};

const digits = (size) => (size >= 100 ? 0 : size >= 1 || size === 0 ? 2 : 2 - Math.floor(Math.log10(size)));
const write = (v, size) => (size >= 1e6 || (size > 0 && size < 1e-4) ? v.toExponential(2) : v.toFixed(digits(size)));
const plain = (v) => (v === null ? "–" : write(v, Math.abs(v)).replace("-", "−"));
// numbers of one view have the decimals that the end of its scale needs
const number = (v) => (v === null ? "–" : (v < 0 ? "−" : "+") + write(Math.abs(v), sharedLimit[state.view]));
const plusMinus = (error) => {
  const text = write(error, sharedLimit[state.view]);
  return error > 0 && Number(text) === 0 ? `± <${text.slice(0, -1)}1` : `± ${text}`;
};
const capital = (text) => text[0].toUpperCase() + text.slice(1);
