// The panel of an explanation: its picture, its words, and the values of both.
function paint(element, value, limit, tint) {
  const strength = limit > 0 ? Math.min(1, Math.abs(value) / limit) : 0;
  const colour = value < 0 ? data.colours.negative : data.colours.positive;
  if (tint) {
    element.style.backgroundColor = colour;
    element.style.opacity = (0.62 * strength).toFixed(4);
  } else attributed(element, { fill: colour, "fill-opacity": (MAX_OPACITY * strength).toFixed(4) });
}

const ADDS = "The number at a word is what it adds: its own effect and half of its interactions.";

class Panel {
  constructor(content, index) {
    this.content = content;
    this.index = index;
    this.nWords = content.words.length;
    this.nPatches = content.patches.length;
    this.shared = content.shared ?? range(this.nWords); // for each word, the number that all panels use for it
    this.patches = new Set();
    this.drawn = content.patches.map(() => ({})); // the drawn state of each patch, so that only changes are drawn
    this.parts = {};
    const root = $("panel").content.cloneNode(true);
    for (const element of root.querySelectorAll("[data-part]")) {
      this.parts[element.dataset.part] = element;
      element.id = element.dataset.part + (compared ? `-${index}` : "");
    }
    this.root = root.firstElementChild;
    this.stage = root.querySelector(".stage");
    this.root.id = `panel-${index}`;
    this.picture = buildPicture(this.parts.picture, content, this.patches, render);
    this.buttons = content.words.map((word, k) => this.wordButton(word, k));
    this.parts.words.append(...this.buttons);
    showFacts(this);
    this.extras = EXTRAS.map((extra) => extra(this));
    $("panels").append(root);
  }
  get visible() {
    return !this.root.hidden;
  }

  wordButton(word, k) {
    const button = make("button", undefined, { type: "button", "data-word": k, "aria-pressed": "false" });
    button.append(make("span", undefined, { class: "tint" }), make("span", word.label), make("small", ""));
    button.addEventListener("click", choose(this.shared[k]));
    button.addEventListener("pointerenter", (event) => { if (event.pointerType !== "touch") { state.hover = this.shared[k]; render(); } });
    button.addEventListener("pointerleave", () => { if (state.hover !== null) { state.hover = null; render(); } });
    return button;
  }

  // the words chosen or previewed, or all words if there are none; an explanation may lack words of others
  activeWords() {
    const words = previewed(), all = range(this.nWords), chosen = all.filter((k) => words.has(this.shared[k]));
    return words.size && (chosen.length || !data.apart) ? chosen : all;
  }
  activePatches() {
    return this.patches.size ? [...this.patches] : range(this.nPatches);
  }
  // what exactly two chosen words mean together, if that is known, and the same if the picture shows where
  get binding() {
    if (state.view !== "pairs" || state.words.size !== 2) return undefined;
    return this.content.bindings?.find(({ words }) => words.every((k) => state.words.has(k)));
  }
  get bound() {
    return state.together && previewed() === state.words ? this.binding : undefined;
  }
  patchValues() {
    if (this.bound) return this.bound.values;
    if (state.view === "first") return this.content.first.slice(0, this.nPatches);
    const rows = this.activeWords().map((k) => this.content.cross[k]);
    return range(this.nPatches).map((i) => (rows.length || !this.nWords ? sum(rows, (row) => row[i]) : null));
  }
  wordValues() {
    if (state.view === "first") return this.content.first.slice(this.nPatches);
    const { gains, adds } = this.content;
    if (!this.patches.size && (gains || adds)) return gains ?? adds.slice(this.nPatches);
    const columns = this.activePatches();
    return this.content.cross.map((row) => sum(columns, (i) => row[i]));
  }

  render(patches, limit, words, tintLimit) {
    const { content, parts, picture, buttons } = this;
    this.values = { patches, words };
    this.size = this.bound ? limit : sharedLimit[state.view]; // decides on the decimals of numbers at patches
    const scale = `${limit} ${state.view} ${state.sign}`;
    patches.forEach((value, i) => {
      const shape = picture.shapes[i], selected = this.patches.has(i), drawn = this.drawn[i];
      if (drawn.selected !== selected) shape.setAttribute("aria-selected", drawn.selected = selected);
      if (drawn.value === value && drawn.scale === scale) return;
      Object.assign(drawn, { value, scale });
      paint(shape, shown(value), limit, false);
      shape.setAttribute("aria-label", `${content.patches[i].label}: ${value === null ? "not estimated" : `${number(value, this.size)} ${content.unit}`}`);
    });
    picture.ring("chosen", [...this.patches]);
    picture.ring("linked", []);
    words.forEach((value, k) => {
      const button = buttons[k], text = number(value);
      paint(button.children[0], shown(value), tintLimit, true);
      if (button.children[2].textContent !== text) button.children[2].textContent = text;
      button.setAttribute("aria-pressed", state.words.has(this.shared[k]));
      button.classList.toggle("hovered", compared && this.shared[k] === state.hover);
    });
    parts.sums.textContent = this.nWords ? this.sums() : "";
    parts.low.textContent = `${number(-limit, this.size)} ${content.unit}`;
    parts.high.textContent = `${number(limit, this.size)} ${content.unit}`;
    renderPairs(this);
    this.extras.forEach((extra) => extra.render(this));
  }
  // what the numbers at the words are
  sums() {
    const { noun, adds, gains } = this.content, n = this.patches.size;
    if (state.view === "first") return "The number at a word is its first-order effect.";
    if (n) return `The number at a word sums its interactions with ${n === 1 ? `the chosen ${noun.one}` : `the ${n} chosen ${noun.many}`}.`;
    if (compared && (gains || adds)) return ""; // said once for all
    return adds ? ADDS : `The number at a word sums its interactions with all ${noun.many}.`;
  }
  strongest(patches) {
    const top = patches.reduce((best, v, i) => (Math.abs(shown(v)) > Math.abs(shown(patches[best])) ? i : best), 0);
    const { noun, unit, title } = this.content;
    const said = this.binding ? `${this.binding.said} ` : "";
    return `${said}${title ? `${title}: s` : "S"}trongest ${noun.one}: ${this.content.patches[top].label}, ${number(patches[top], this.size)} ${unit}`;
  }
}
