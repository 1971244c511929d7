// One panel for each explanation, and the controls that hold for all of them.
const previewed = () => (state.hover !== null && !state.words.has(state.hover) ? new Set([state.hover]) : state.words);
const compared = Boolean(data.panels);

function paint(element, value, limit, tint) {
  const strength = limit > 0 ? Math.min(1, Math.abs(value) / limit) : 0;
  const colour = value < 0 ? data.colours.negative : data.colours.positive;
  if (tint) {
    element.style.backgroundColor = colour;
    element.style.opacity = (0.62 * strength).toFixed(4);
  } else attributed(element, { fill: colour, "fill-opacity": (MAX_OPACITY * strength).toFixed(4) });
}

class Panel {
  constructor(content, index) {
    this.content = content;
    this.nWords = content.words.length;
    this.nPatches = content.patches.length;
    this.shared = content.shared ?? range(this.nWords); // of each of its words, the number that all panels know it by
    this.patches = new Set();
    this.parts = {};
    const root = $("panel").content.cloneNode(true);
    for (const element of root.querySelectorAll("[data-part]")) {
      this.parts[element.dataset.part] = element;
      element.id = element.dataset.part + (compared ? `-${index}` : "");
    }
    this.stage = root.querySelector(".stage");
    if (compared) root.firstElementChild.setAttribute("aria-labelledby", this.parts.title.id);
    this.picture = buildPicture(this.parts.picture, content, this.patches, render);
    this.buttons = content.words.map((word, k) => this.wordButton(word, k));
    this.parts.words.append(...this.buttons);
    this.facts();
    this.extras = EXTRAS.map((extra) => extra(this));
    $("panels").append(root);
  }

  wordButton(word, k) {
    const button = make("button", undefined, { type: "button", "data-word": k, "aria-pressed": "false" });
    button.append(make("span", undefined, { class: "tint" }), make("span", word.label), make("small", ""));
    button.addEventListener("click", () => toggle(state.words, this.shared[k]));
    button.addEventListener("pointerenter", (event) => { if (event.pointerType !== "touch") { state.hover = this.shared[k]; render(); } });
    button.addEventListener("pointerleave", () => { state.hover = null; render(); });
    return button;
  }

  // the words chosen or previewed, all where there are none; an explanation may lack those that others have
  activeWords() {
    const words = previewed();
    return range(this.nWords).filter((k) => !words.size || words.has(this.shared[k]));
  }
  activePatches() {
    return this.patches.size ? [...this.patches] : range(this.nPatches);
  }
  patchValues() {
    if (state.view === "first") return this.content.first.slice(0, this.nPatches);
    const rows = this.activeWords().map((k) => this.content.cross[k]);
    return range(this.nPatches).map((i) => (rows.length || !this.nWords ? sum(rows.map((row) => row[i])) : null));
  }
  wordValues() {
    if (state.view === "first") return this.content.first.slice(this.nPatches);
    const columns = this.activePatches();
    return this.content.cross.map((row) => sum(columns.map((i) => row[i])));
  }

  render(patches, limit, words, tintLimit) {
    const { content, parts, picture, buttons } = this;
    patches.forEach((value, i) => {
      const shape = picture.shapes[i], text = value === null ? "not estimated" : `${number(value)} ${content.unit}`;
      paint(shape, shown(value), limit, false);
      attributed(shape, { "aria-selected": this.patches.has(i), "aria-label": `${content.patches[i].label}: ${text}` });
    });
    picture.ring("chosen", [...this.patches]);
    picture.ring("linked", []);
    const preview = state.hover;
    words.forEach((value, k) => {
      paint(buttons[k].children[0], shown(value), tintLimit, true);
      buttons[k].children[2].textContent = number(value);
      buttons[k].setAttribute("aria-pressed", state.words.has(this.shared[k]));
      buttons[k].classList.toggle("hovered", compared && this.shared[k] === preview);
    });
    parts.low.textContent = `${number(-limit)} ${content.unit}`;
    parts.high.textContent = `${number(limit)} ${content.unit}`;
    this.renderPairs();
    this.extras.forEach((extra) => extra.render(this));
  }
  strongest(patches) {
    const top = patches.reduce((best, v, i) => (Math.abs(shown(v)) > Math.abs(shown(patches[best])) ? i : best), 0);
    const { noun, unit, title } = this.content;
    return `${title ? `${title}: s` : "S"}trongest ${noun.one}: ${this.content.patches[top].label}, ${number(patches[top])} ${unit}`;
  }

  renderPairs() {
    const { content, parts, nPatches } = this, rows = [];
    if (state.view === "first") {
      const players = [...content.patches.map((p) => ["", p.label]), ...content.words.map((w) => [w.label, ""])];
      players.forEach(([word, patch], i) => rows.push([word, patch, content.first[i], content.firstError?.[i] ?? null,
        i < nPatches ? i : null, i < nPatches ? null : i - nPatches]));
    } else {
      for (const k of this.activeWords()) {
        for (const i of this.activePatches()) {
          const value = content.cross[k][i];
          if (value !== null) rows.push([content.words[k].label, content.patches[i].label, value, content.crossError?.[k][i] ?? null, i, k]);
        }
      }
    }
    const kept = rows.filter((row) => row[2] !== null && shown(row[2]) !== 0).sort((a, b) => Math.abs(b[2]) - Math.abs(a[2])).slice(0, ROWS);
    parts.pairs.replaceChildren(...kept.map((row) => this.pairRow(...row)));
    this.buttons.forEach((button) => button.classList.remove("linked"));
    parts["pairs-title"].textContent = this.pairsTitle();
  }
  pairRow(word, patch, value, error, i, k) {
    const row = make("tr"), cell = make("td", number(value), { class: `number ${value < 0 ? "minus" : "plus"}` });
    if (error !== null) cell.append(make("small", ` ${plusMinus(error)}`));
    row.append(make("td", word), make("td", patch), cell);
    const link = (on) => {
      this.picture.ring("linked", on && i !== null ? [i] : []);
      this.buttons[k]?.classList.toggle("linked", on);
    };
    row.addEventListener("pointerenter", () => link(true));
    row.addEventListener("pointerleave", () => link(false));
    return row;
  }
  pairsTitle() {
    const { words, patches, noun } = this.content, active = this.activeWords();
    if (state.view === "first") return "Strongest first-order effects";
    if (!active.length && words.length) return "This explanation has no such word";
    const of = (some, indices, items, many, most) => {
      if (!some) return items.length === 1 ? items[0].label : `all ${items.length} ${many}`;
      return indices.length > most ? `${indices.length} ${many}` : [...indices].sort((a, b) => a - b).map((i) => items[i].label).join(", ");
    };
    return `Strongest pairs of ${of(previewed().size, active, words, "words", 3)} with ${of(this.patches.size, this.activePatches(), patches, noun.many, 1)}`;
  }

  // what stays as it is
  facts() {
    const { content, parts } = this, { many } = content.noun;
    parts.title.textContent = content.title ?? "";
    parts.model.textContent = [content.model, content.index].filter(Boolean).join(" · ");
    const hints = [], missing = content.cross.flat().filter((v) => v === null).length;
    if (!known(content)) hints.push(`This estimator gives first-order effects only; it has no pairs of words and ${many}.`);
    else if (!compared) hints.push(howTo(many));
    if (known(content) && missing) hints.push(`${missing} of ${this.nWords * this.nPatches} pairs were not estimated; sums count them as 0.`);
    parts.hint.textContent = hints.join(" ");
    parts.noun.textContent = content.noun.one;
    parts.unit.textContent = content.unit;
    parts.status.textContent = content.status;
    parts.status.hidden = content.status === "ok";
    for (const [name, value] of content.totals) {
      const total = make("div");
      total.append(make("dt", name), make("dd", plain(value)));
      parts.totals.append(total);
    }
    const bar = make("div", undefined, { class: "bar" }), names = make("p");
    for (const [part, share] of content.share) {
      const piece = make("i", undefined, { class: part }), name = make("span", undefined, { class: part });
      piece.style.width = `${100 * share}%`;
      bar.append(piece);
      name.append(make("b", `${part} ${(100 * share).toFixed(0)} %`));
      names.append(name);
    }
    parts.share.append(bar, names);
    parts.share.setAttribute("aria-label", `Shares of the absolute effects: ${content.share.map(([part, s]) => `${part} ${(100 * s).toFixed(0)} %`).join(", ")}`);
    for (const [name, value] of content.provenance) parts.provenance.append(make("dt", name), make("dd", value));
  }
}

const howTo = (many) => `Choose words to see where they meet the picture; choose or drag over ${many} to see which words they meet.`;
const panels = [];

function toggle(set, item) {
  set.has(item) ? set.delete(item) : set.add(item);
  state.hover = null;
  render(true);
}
function clear() {
  state.words.clear();
  for (const panel of panels) panel.patches.clear();
  state.hover = null;
  render(true);
}
const together = (values) => values.filter((_, i) => !compared || contents[i].unit !== "relevance");
function render(announce = false) {
  const own = state.scale === "own", shared = sharedLimit[state.view];
  const patches = panels.map((panel) => panel.patchValues()), words = panels.map((panel) => panel.wordValues());
  const ends = patches.map((values) => largest(values.map(shown))), tints = words.map((values) => largest(values.map(shown)));
  panels.forEach((panel, i) => {
    const apart = own || (compared && panel.content.unit === "relevance");
    // words with a few patches are on the scale of the picture, with all of them on a wider one
    const wide = state.view === "pairs" && panel.patches.size ? shared : wordLimit[state.view];
    panel.render(patches[i], apart ? ends[i] : Math.max(shared, ...together(ends)), words[i], apart ? tints[i] : Math.max(wide, ...together(tints)));
  });
  renderContrast();
  if (!announce) return;
  $("live").textContent = panels.filter((panel) => panel.nPatches).map((panel) => panel.strongest(patches[panels.indexOf(panel)])).join(". ");
}

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

for (const [name, colour] of Object.entries(data.colours)) document.documentElement.style.setProperty(`--${name}`, colour);
document.documentElement.style.setProperty("--panels", contents.length);
document.querySelector("main").className = compared ? "comparison" : "single";
contents.forEach((content, index) => panels.push(new Panel(content, index)));
$("caption").textContent = data.caption;
if (compared) {
  $("count").textContent = contrast ? "Why one caption and not the other" : `${contents.length} explanations side by side`;
  $("how").textContent = hasPairs ? `${howTo([...new Set(contents.map((c) => c.noun.many))].join(" or "))} Words are chosen in all explanations at once.` : "";
} else {
  panels[0].stage.append($("controls"));
  $("top").className = "hidden";
}
choice("view", [["pairs", "interactions"], ["first", "first-order"]], hasPairs);
choice("sign", [["both", "both"], ["positive", "positive"], ["negative", "negative"]]);
choice("scale", [["shared", "shared"], ["own", "own"]]);
$("clear").addEventListener("click", clear);
document.addEventListener("keydown", (event) => { if (event.key === "Escape") clear(); });
render();
