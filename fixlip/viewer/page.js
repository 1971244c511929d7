"use strict";
// All strings of the data reach the page through textContent and attributes only.
const data = JSON.parse(document.getElementById("data").textContent);
const $ = (id) => document.getElementById(id);
const SVG = "http://www.w3.org/2000/svg";
const MAX_OPACITY = 0.88, ROWS = 12;
const nWords = data.words.length, nPatches = data.patches.length;
const hasPairs = data.cross.some((row) => row.some((v) => v !== null));
const state = { words: new Set(), patches: new Set(), hover: null, view: hasPairs ? "pairs" : "first", sign: "both", scale: "shared" };

function make(tag, text, attributes = {}) {
  const element = document.createElement(tag);
  if (text !== undefined) element.textContent = text;
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  return element;
}
const range = (n) => [...Array(n).keys()];
const digits = (size) => (size >= 100 ? 0 : size >= 1 || size === 0 ? 2 : 2 - Math.floor(Math.log10(size)));
const write = (v, size) => (size >= 1e6 || (size > 0 && size < 1e-4) ? v.toExponential(2) : v.toFixed(digits(size)));
const plain = (v) => (v === null ? "–" : write(v, Math.abs(v)).replace("-", "−"));
// numbers of one view have the decimals that the end of its scale needs
const number = (v) => (v === null ? "–" : (v < 0 ? "−" : "+") + write(Math.abs(v), sharedLimit[state.view]));
const plusMinus = (error) => {
  const text = write(error, sharedLimit[state.view]);
  return error > 0 && Number(text) === 0 ? `± <${text.slice(0, -1)}1` : `± ${text}`;
};
const chosen = (set, n) => (set.size ? [...set] : range(n));
const previewed = () => (state.hover !== null && !state.words.has(state.hover) ? new Set([state.hover]) : state.words);
const activeWords = () => chosen(previewed(), nWords);
const shown = (v) => (v === null ? null : state.sign === "positive" ? Math.max(v, 0) : state.sign === "negative" ? Math.min(v, 0) : v);
// as `Explanation.predict` counts: a pair that was not estimated is 0; nothing is known where none was
const sum = (values) => (values.some((v) => v !== null) || !values.length ? values.reduce((total, v) => total + (v ?? 0), 0) : null);
const largest = (values) => values.reduce((top, v) => Math.max(top, Math.abs(v ?? 0)), 0);

const patchValues = () => {
  if (state.view === "first") return data.first.slice(0, nPatches);
  const rows = activeWords().map((k) => data.cross[k]);
  return range(nPatches).map((i) => sum(rows.map((row) => row[i])));
};
const wordValues = () => {
  if (state.view === "first") return data.first.slice(nPatches);
  const columns = chosen(state.patches, nPatches);
  return data.cross.map((row) => sum(columns.map((i) => row[i])));
};
const sharedLimit = {
  pairs: Math.max(largest(data.cross.flat()), largest(range(nPatches).map((i) => sum(data.cross.map((row) => row[i]))))),
  first: largest(data.first.slice(0, nPatches)),
};
const wordLimit = { pairs: largest(data.cross.map(sum)), first: largest(data.first.slice(nPatches)) };

// ---- the picture and its patches
const draw = (tag, attributes = {}) => {
  const element = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  return element;
};
const svg = draw("svg");
const rects = [], rings = {};
// outlines lie above all patches, light on dark, so that they show on any picture
function ring(name, indices) {
  const path = indices.map((i) => {
    const [left, top, right, bottom] = data.patches[i].box.map((v, side) => v * (side % 2 ? data.height : data.width));
    return `M${left} ${top}H${right}V${bottom}H${left}Z`;
  }).join("");
  for (const line of rings[name]) line.setAttribute("d", path);
}
function buildPicture() {
  const { width, height } = data;
  svg.setAttribute("viewBox", `0 0 ${width} ${height}`);
  svg.setAttribute("preserveAspectRatio", "none");
  svg.setAttribute("role", "grid");
  svg.setAttribute("aria-label", "Patches of the picture; arrow keys move, space selects");
  svg.setAttribute("aria-multiselectable", "true");
  if (data.picture) $("picture").append(make("img", undefined, { src: data.picture, alt: `The picture: ${data.caption}`, draggable: "false" }));
  else $("picture").className = "bare";
  const columns = data.grid ? data.grid[1] : nPatches;
  let row;
  data.patches.forEach((patch, i) => {
    if (i % columns === 0) {
      row = draw("g", { role: "row" });
      svg.append(row);
    }
    const [left, top, right, bottom] = patch.box;
    const geometry = { x: left * width, y: top * height, width: (right - left) * width, height: (bottom - top) * height };
    const rect = draw("rect", { ...geometry, "data-patch": i, role: "gridcell", tabindex: i === 0 ? "0" : "-1" });
    row.append(rect);
    rects.push(rect);
  });
  for (const name of ["chosen", "linked", "focused"]) {
    rings[name] = ["halo", "line"].map((kind) => draw("path", { class: `ring ${name} ${kind}`, "aria-hidden": "true" }));
    svg.append(...rings[name]);
  }
  $("picture").append(svg);
}

function focusPatch(i) {
  rects.forEach((rect, k) => rect.setAttribute("tabindex", k === i ? "0" : "-1"));
  rects[i].focus();
}
svg.addEventListener("keydown", (event) => {
  const i = Number(event.target.dataset.patch), columns = data.grid ? data.grid[1] : 1;
  const column = i % columns;
  const step = { ArrowLeft: -1, ArrowRight: 1, ArrowUp: -columns, ArrowDown: columns, Home: -column, End: columns - 1 - column }[event.key];
  if (step !== undefined && rects[i + step]) focusPatch(i + step);
  else if (event.key === " " || event.key === "Enter") toggle(state.patches, i);
  else if (step === undefined) return;
  event.preventDefault();
});

svg.addEventListener("focusin", (event) => {
  if (event.target.matches("rect:focus-visible")) ring("focused", [Number(event.target.dataset.patch)]);
});
svg.addEventListener("focusout", () => ring("focused", []));

// a click toggles a patch; a drag (mouse or pen) selects all patches whose centre it covers
let drag = null, dragged = false;
const place = (event) => {
  const box = svg.getBoundingClientRect();
  return [(event.clientX - box.left) / box.width, (event.clientY - box.top) / box.height];
};
svg.addEventListener("pointerdown", (event) => {
  dragged = false;
  if (event.pointerType !== "touch" && event.button === 0) drag = { from: place(event), brush: null };
});
window.addEventListener("pointermove", (event) => {
  if (!drag) return;
  const [x, y] = place(event), [x0, y0] = drag.from;
  if (!drag.brush && Math.hypot(x - x0, y - y0) < 0.02) return;
  if (!drag.brush) {
    drag.brush = draw("rect", { class: "brush" });
    svg.append(drag.brush);
  }
  const [l, r, t, b] = [Math.min(x, x0), Math.max(x, x0), Math.min(y, y0), Math.max(y, y0)];
  const geometry = { x: l * data.width, y: t * data.height, width: (r - l) * data.width, height: (b - t) * data.height };
  for (const [name, value] of Object.entries(geometry)) drag.brush.setAttribute(name, value);
  state.patches = new Set(range(nPatches).filter((i) => {
    const [left, top, right, bottom] = data.patches[i].box, cx = (left + right) / 2, cy = (top + bottom) / 2;
    return cx >= l && cx <= r && cy >= t && cy <= b;
  }));
  render();
});
for (const end of ["pointerup", "pointercancel"]) {
  window.addEventListener(end, () => {
    if (!drag) return;
    drag.brush?.remove();
    dragged = Boolean(drag.brush);
    drag = null;
    if (dragged) render(true);
  });
}
svg.addEventListener("click", (event) => {
  if (!dragged && event.target.dataset.patch !== undefined) toggle(state.patches, Number(event.target.dataset.patch));
});

// ---- the words
const buttons = [];
function buildWords() {
  data.words.forEach((word, k) => {
    const button = make("button", undefined, { type: "button", "data-word": k, "aria-pressed": "false" });
    button.append(make("span", undefined, { class: "tint" }), make("span", word.label), make("small", ""));
    button.addEventListener("click", () => toggle(state.words, k));
    button.addEventListener("pointerenter", (event) => { if (event.pointerType !== "touch") { state.hover = k; render(); } });
    button.addEventListener("pointerleave", () => { state.hover = null; render(); });
    $("words").append(button);
    buttons.push(button);
  });
}
function toggle(set, item) {
  set.has(item) ? set.delete(item) : set.add(item);
  state.hover = null;
  render(true);
}
function clear() {
  state.words.clear();
  state.patches.clear();
  state.hover = null;
  render(true);
}

// ---- what is drawn for the present state
function paint(element, value, limit, attribute) {
  const strength = limit > 0 ? Math.min(1, Math.abs(value) / limit) : 0;
  const colour = value < 0 ? data.colours.negative : data.colours.positive;
  if (attribute) {
    element.setAttribute("fill", colour);
    element.setAttribute("fill-opacity", (MAX_OPACITY * strength).toFixed(4));
  } else {
    element.style.backgroundColor = colour;
    element.style.opacity = (0.62 * strength).toFixed(4);
  }
}
function render(announce = false) {
  const patches = patchValues(), words = wordValues(), shared = sharedLimit[state.view];
  const own = largest(patches.map(shown)), limit = state.scale === "own" ? own : Math.max(shared, own);
  patches.forEach((value, i) => {
    paint(rects[i], shown(value), limit, true);
    rects[i].setAttribute("aria-selected", state.patches.has(i));
    rects[i].setAttribute("aria-label", `${data.patches[i].label}: ${value === null ? "not estimated" : `${number(value)} ${data.unit}`}`);
  });
  ring("chosen", [...state.patches]);
  ring("linked", []);
  // a few patches are on the scale of the picture, all of them on a wider one
  const wide = state.view === "pairs" && state.patches.size ? shared : wordLimit[state.view];
  const ownTint = largest(words.map(shown)), tintLimit = state.scale === "own" ? ownTint : Math.max(wide, ownTint);
  words.forEach((value, k) => {
    paint(buttons[k].children[0], shown(value), tintLimit, false);
    buttons[k].children[2].textContent = number(value);
    buttons[k].setAttribute("aria-pressed", state.words.has(k));
  });
  $("low").textContent = `${number(-limit)} ${data.unit}`;
  $("high").textContent = `${number(limit)} ${data.unit}`;
  renderPairs();
  if (announce && nPatches) {
    const top = patches.reduce((best, v, i) => (Math.abs(shown(v)) > Math.abs(shown(patches[best])) ? i : best), 0);
    $("live").textContent = `Strongest patch: ${data.patches[top].label}, ${number(patches[top])} ${data.unit}`;
  }
}
function renderPairs() {
  const rows = [];
  if (state.view === "first") {
    const players = [...data.patches.map((p) => ["", p.label]), ...data.words.map((w) => [w.label, ""])];
    players.forEach(([word, patch], i) => rows.push([word, patch, data.first[i], data.firstError?.[i] ?? null,
      i < nPatches ? i : null, i < nPatches ? null : i - nPatches]));
  } else {
    for (const k of activeWords()) {
      for (const i of chosen(state.patches, nPatches)) {
        if (data.cross[k][i] !== null) rows.push([data.words[k].label, data.patches[i].label, data.cross[k][i], data.crossError?.[k][i] ?? null, i, k]);
      }
    }
  }
  const kept = rows.filter((row) => row[2] !== null && shown(row[2]) !== 0).sort((a, b) => Math.abs(b[2]) - Math.abs(a[2])).slice(0, ROWS);
  $("pairs").replaceChildren(...kept.map(([word, patch, value, error, i, k]) => {
    const row = make("tr"), cell = make("td", number(value), { class: `number ${value < 0 ? "minus" : "plus"}` });
    if (error !== null) cell.append(make("small", ` ${plusMinus(error)}`));
    row.append(make("td", word), make("td", patch), cell);
    const link = (on) => { ring("linked", on && i !== null ? [i] : []); buttons[k]?.classList.toggle("linked", on); };
    row.addEventListener("pointerenter", () => link(true));
    row.addEventListener("pointerleave", () => link(false));
    return row;
  }));
  document.querySelectorAll(".linked").forEach((element) => element.classList.remove("linked"));
  const of = (set, items, many, most) => {
    if (!set.size) return items.length === 1 ? items[0].label : `all ${items.length} ${many}`;
    return set.size > most ? `${set.size} ${many}` : [...set].sort((a, b) => a - b).map((i) => items[i].label).join(", ");
  };
  $("pairs-title").textContent = state.view === "first" ? "Strongest first-order effects"
    : `Strongest pairs of ${of(previewed(), data.words, "words", 3)} with ${of(state.patches, data.patches, "patches", 1)}`;
}

// ---- what stays as it is
function choice(name, options, enabled = true) {
  for (const [value, text] of options) {
    const label = make("label"), input = make("input", undefined, { type: "radio", name, value });
    input.checked = state[name] === value;
    input.disabled = !enabled;
    input.addEventListener("change", () => { state[name] = value; render(true); });
    label.append(input, text);
    $(name).append(label);
  }
}
function buildFacts() {
  $("model").textContent = `${data.model} · ${data.index}`;
  $("hint").textContent = hasPairs
    ? "Choose words to see where they meet the picture; choose or drag over patches to see which words they meet."
    : "This estimator gives first-order effects only; it has no pairs of words and patches.";
  const missing = data.cross.flat().filter((v) => v === null).length;
  if (hasPairs && missing) $("hint").textContent += ` ${missing} of ${nWords * nPatches} pairs were not estimated; sums count them as 0.`;
  $("unit").textContent = data.unit;
  if (data.status !== "ok") {
    $("status").textContent = data.status;
    $("status").hidden = false;
  }
  for (const [name, value] of data.totals) {
    const total = make("div");
    total.append(make("dt", name), make("dd", plain(value)));
    $("totals").append(total);
  }
  const bar = make("div", undefined, { class: "bar" }), names = make("p");
  for (const [part, share] of data.share) {
    const piece = make("i", undefined, { class: part });
    piece.style.width = `${100 * share}%`;
    bar.append(piece);
    const name = make("span", undefined, { class: part });
    name.append(make("b", `${part} ${(100 * share).toFixed(0)} %`));
    names.append(name);
  }
  $("share").append(bar, names);
  $("share").setAttribute("aria-label", `Shares of the absolute effects: ${data.share.map(([part, s]) => `${part} ${(100 * s).toFixed(0)} %`).join(", ")}`);
  for (const [name, value] of data.provenance) $("provenance").append(make("dt", name), make("dd", value));
}

document.documentElement.style.setProperty("--negative", data.colours.negative);
document.documentElement.style.setProperty("--positive", data.colours.positive);
buildPicture();
buildWords();
buildFacts();
choice("view", [["pairs", "interactions"], ["first", "first-order"]], hasPairs);
choice("sign", [["both", "both"], ["positive", "positive"], ["negative", "negative"]]);
choice("scale", [["shared", "shared"], ["own", "own"]]);
$("clear").addEventListener("click", clear);
document.addEventListener("keydown", (event) => { if (event.key === "Escape") clear(); });
render();
