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
const number = (v) => (v === null ? "–" : (v < 0 ? "−" : "+") + Math.abs(v).toFixed(Math.abs(v) >= 100 ? 0 : 2));
const plain = (v) => (v === null ? "–" : v.toFixed(2).replace("-", "−"));
const chosen = (set, n) => (set.size ? [...set] : range(n));
const activeWords = () => (state.hover !== null && !state.words.has(state.hover) ? [state.hover] : chosen(state.words, nWords));
const shown = (v) => (state.sign === "positive" ? Math.max(v, 0) : state.sign === "negative" ? Math.min(v, 0) : v);
const sum = (values) => values.reduce((total, v) => total + (v ?? 0), 0);
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
const svg = document.createElementNS(SVG, "svg");
const rects = [];
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
      row = document.createElementNS(SVG, "g");
      row.setAttribute("role", "row");
      svg.append(row);
    }
    const rect = document.createElementNS(SVG, "rect");
    const [left, top, right, bottom] = patch.box;
    const geometry = { x: left * width, y: top * height, width: (right - left) * width, height: (bottom - top) * height };
    for (const [name, value] of Object.entries(geometry)) rect.setAttribute(name, value);
    rect.dataset.patch = i;
    rect.setAttribute("role", "gridcell");
    rect.setAttribute("tabindex", i === 0 ? "0" : "-1");
    row.append(rect);
    rects.push(rect);
  });
  $("picture").append(svg);
}

function focusPatch(i) {
  rects.forEach((rect, k) => rect.setAttribute("tabindex", k === i ? "0" : "-1"));
  rects[i].focus();
}
svg.addEventListener("keydown", (event) => {
  const i = Number(event.target.dataset.patch), columns = data.grid ? data.grid[1] : 1;
  const step = { ArrowLeft: -1, ArrowRight: 1, ArrowUp: -columns, ArrowDown: columns }[event.key];
  if (step !== undefined && rects[i + step]) focusPatch(i + step);
  else if (event.key === " " || event.key === "Enter") toggle(state.patches, i);
  else if (step === undefined) return;
  event.preventDefault();
});

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
    drag.brush = document.createElementNS(SVG, "rect");
    drag.brush.setAttribute("class", "brush");
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
window.addEventListener("pointerup", () => {
  drag?.brush?.remove();
  dragged = Boolean(drag?.brush);
  drag = null;
});
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
  const patches = patchValues().map(shown), words = wordValues().map(shown);
  const limit = state.scale === "own" ? largest(patches) : sharedLimit[state.view];
  patches.forEach((value, i) => {
    paint(rects[i], value, limit, true);
    rects[i].setAttribute("aria-selected", state.patches.has(i));
    rects[i].setAttribute("aria-label", `${data.patches[i].label}: ${number(value)} ${data.unit}`);
  });
  const tintLimit = state.scale === "own" ? largest(words) : Math.max(wordLimit[state.view], largest(words));
  words.forEach((value, k) => {
    paint(buttons[k].children[0], value, tintLimit, false);
    buttons[k].children[2].textContent = number(value);
    buttons[k].setAttribute("aria-pressed", state.words.has(k));
  });
  $("low").textContent = `${number(-limit)} ${data.unit}`;
  $("high").textContent = `${number(limit)} ${data.unit}`;
  renderPairs();
  if (announce) {
    const top = patches.reduce((best, v, i) => (Math.abs(v) > Math.abs(patches[best]) ? i : best), 0);
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
  const kept = rows.filter((row) => shown(row[2]) !== 0).sort((a, b) => Math.abs(b[2]) - Math.abs(a[2])).slice(0, ROWS);
  $("pairs").replaceChildren(...kept.map(([word, patch, value, error, i, k]) => {
    const row = make("tr"), cell = make("td", number(value), { class: `number ${value < 0 ? "minus" : "plus"}` });
    if (error !== null) cell.append(make("small", ` ± ${error.toFixed(2)}`));
    row.append(make("td", word), make("td", patch), cell);
    const link = (on) => { rects[i]?.classList.toggle("linked", on); buttons[k]?.classList.toggle("linked", on); };
    row.addEventListener("pointerenter", () => link(true));
    row.addEventListener("pointerleave", () => link(false));
    return row;
  }));
  document.querySelectorAll(".linked").forEach((element) => element.classList.remove("linked"));
  const of = (set, items, n) => (set.size ? [...set].map((i) => items[i].label).slice(0, 3).join(", ") + (set.size > 3 ? ` and ${set.size - 3} more` : "") : `all ${n}`);
  $("pairs-title").textContent = state.view === "first" ? "Strongest first-order effects"
    : `Strongest pairs of ${of(new Set(state.hover !== null ? [state.hover] : state.words), data.words, `${nWords} words`)} with ${of(state.patches, data.patches, `${nPatches} patches`)}`;
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
