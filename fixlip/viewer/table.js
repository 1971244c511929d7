// The text of a panel: the table of its strongest pairs or players, and the facts that never change.
// what all explanations have in common is said once
const alike = (name) => compared && new Set(contents.map((content) => content[name])).size === 1;
const MINOR = 0.1; // of what the strongest word adds: words that add less share a piece
const TERMS = {
  similarity: "The model's own score of picture and caption",
  difference: "The score of the first caption minus that of the second",
  "nothing shown": "The score with every patch and every word removed",
  "fit R²": "Share of the changes of the score under random removals that effects and pairs explain; the whole and nothing shown are far from most of these",
  index: "The model, and the index that weighs pairs: FWBII is the faithful weighted Banzhaf index, p how likely a part is present",
  "the rest": "What effects and pairs leave over, such as what three or more parts do together",
  spectrum: "Shares of the similarity's variance, as parts come and go, that so many patches make with so many words",
  "no words": "The score of the picture and a query without its words",
  "words together": "What the words do together, beyond what each adds on average",
  adds: "Effects of single parts, and half of each pair for each of its two parts (the Shapley values of the fit)",
};
function renderPairs(panel) {
  panel.parts.pairs.replaceChildren(...strongestRows(panel).map((row) => pairRow(panel, row)));
  panel.buttons.forEach((button) => button.classList.remove("linked"));
  panel.parts["pairs-title"].textContent = pairsTitle(panel);
}

// the few largest values, kept in order during one pass over all values: there may be 65,536
function strongestRows(panel, count = ROWS) {
  const { content, nPatches, nWords } = panel, rows = [];
  const offer = (value, i, k, error) => {
    const size = value === null ? 0 : Math.abs(shown(value));
    if (size === 0 || (rows.length === count && size <= rows[count - 1].size)) return;
    const at = rows.findIndex((row) => row.size < size);
    rows.splice(at < 0 ? rows.length : at, 0, { value, size, i, k, error: error ?? null });
    if (rows.length > count) rows.pop();
  };
  if (panel.bound) {
    for (const i of panel.activePatches()) offer(panel.bound.values[i], i, null, panel.bound.errors?.[i]);
  } else if (state.view === "first") {
    for (let i = 0; i < nPatches; i++) offer(content.first[i], i, null, content.firstError?.[i]);
    for (let k = 0; k < nWords; k++) offer(content.first[nPatches + k], null, k, content.firstError?.[nPatches + k]);
  } else {
    const columns = panel.activePatches();
    for (const k of panel.activeWords()) for (const i of columns) offer(content.cross[k][i], i, k, content.crossError?.[k][i]);
  }
  return rows;
}

function pairRow(panel, { value, i, k, error }) {
  const { content, picture, buttons } = panel, name = `${k}-${i}`;
  const row = make("tr"), cell = make("td", number(value, panel.size), { class: `number ${value < 0 ? "minus" : "plus"}` });
  if (i !== null && k !== null) row.dataset.pair = name;
  if (error !== null) cell.append(make("small", ` ${plusMinus(error, panel.size)}`));
  row.append(make("td", content.words[k]?.label ?? ""), make("td", content.patches[i]?.label ?? ""), cell);
  const link = (on) => {
    picture.ring("linked", on && i !== null ? [i] : []);
    buttons[k]?.classList.toggle("linked", on);
  };
  const pinned = () => panel.pinned?.name === name;
  row.classList.toggle("pinned", pinned());
  if (pinned()) (panel.pinned = { name, row, link }).link(true);
  row.addEventListener("pointerenter", () => { panel.pinned?.link(false); link(true); });
  row.addEventListener("pointerleave", () => { link(false); panel.pinned?.link(true); });
  row.addEventListener("click", () => {
    const before = panel.pinned;
    before?.row.classList.remove("pinned");
    panel.pinned = before?.name === name ? null : { name, row, link };
    row.classList.toggle("pinned", pinned());
  });
  return row;
}

function pairsTitle(panel) {
  const { words, patches, noun } = panel.content, active = panel.activeWords();
  if (state.view === "first") return "Strongest first-order effects";
  if (!active.length && words.length) return "This explanation has no such word";
  const of = (some, indices, items, many, most) => {
    if (!some) return items.length === 1 ? items[0].label : `all ${items.length} ${many}`;
    return indices.length > most ? `${indices.length} ${many}` : [...indices].sort((a, b) => a - b).map((i) => items[i].label).join(", ");
  };
  if (panel.bound) return `Strongest ${noun.many} of ${active.map((k) => words[k].label).join(" and ")} together`;
  const chosenWords = active.length < words.length || active.some((k) => previewed().has(panel.shared[k]));
  return `Strongest pairs of ${of(chosenWords, active, words, "words", 3)} with ${of(panel.patches.size, panel.activePatches(), patches, noun.many, 1)}`;
}

const howTo = (many) => `Choose words to see which ${many} they interact with; choose or drag over ${many} to see which words they interact with.`;

function showFacts({ content, parts, nWords, nPatches }) {
  const { many } = content.noun, hints = [], missing = content.cross.reduce((n, row) => n + row.filter((v) => v === null).length, 0);
  parts.title.textContent = content.title ?? "The explanation";
  parts.answer.textContent = content.answer;
  parts.model.textContent = ["model", "index"].filter((name) => !alike(name)).map((name) => content[name]).filter((text) => text && text !== content.title).join(" · ");
  parts.model.title = TERMS.index;
  if (!hasCross(content)) hints.push(`This estimator gives first-order effects only, without pairs of words and ${many}.`);
  else if (!compared) hints.push(howTo(many), hasBindings ? BOTH : "");
  if (hasCross(content) && missing) hints.push(`${missing} of ${nWords * nPatches} pairs were not estimated; sums count them as 0.`);
  parts.hint.textContent = hints.join(" ");
  parts.noun.textContent = content.noun.one;
  parts.unit.textContent = content.unit;
  parts.status.textContent = content.status;
  parts.status.hidden = content.status === "ok";
  for (const [name, value] of content.totals) {
    const total = make("div");
    total.append(make("dt", name, { title: TERMS[name] ?? "" }), make("dd", plain(value)));
    parts.totals.append(total);
  }
  showShares(content, parts.share);
  for (const [name, value] of content.provenance) parts.provenance.append(make("dt", name), make("dd", value));
}

// what each word adds, and what else there is, as a bar whose pieces add up
function showShares({ adds, gains, others, sum: result, words, patches }, place) {
  place.hidden = !others;
  if (!others) return;
  const ofWords = gains ?? adds.slice(patches.length), [total, what] = result;
  const parts = words.map((word, k) => [word.label, ofWords[k]]), size = largest([...ofWords, total, ...others.map(([, v]) => v)]);
  parts.sort((a, b) => b[1] - a[1]);
  const minor = parts.filter(([, v]) => Math.abs(v) < MINOR * largest(parts.map(([, v]) => v)));
  const rows = parts.filter((part) => !minor.includes(part)).map(([label, v]) => [`“${label}”`, v]);
  if (minor.length) rows.push([minor.length === 1 ? `“${minor[0][0]}”` : `${minor.length} other words`, sum(minor, ([, v]) => v)]);
  rows.push(...others);
  const bar = make("div", undefined, { class: "bar" }), names = make("p"), all = sum(rows, ([, v]) => Math.abs(v)) || 1;
  for (const [name, value] of rows) {
    const kind = value < 0 ? "minus" : "plus", piece = make("i", undefined, { class: kind, title: name });
    piece.style.width = `${(100 * Math.abs(value)) / all}%`;
    bar.append(piece);
    names.append(make("span", `${name} ${withSign(value, size)}`, { class: kind, title: TERMS[name] ?? "" }));
  }
  names.append(make("b", `= ${withSign(total, size)} ${what}`));
  place.append(make("h3", "What adds up to it", { title: gains ? "" : TERMS.adds }), bar, names);
  const [name, rest] = others.at(-1);
  if (Math.abs(rest) > Math.abs(total) / 2) place.append(make("p", `“${name}” is large: ${TERMS[name][0].toLowerCase()}${TERMS[name].slice(1)}.`));
  place.setAttribute("aria-label", `${rows.map(([name, v]) => `${name} ${withSign(v, size)}`).join(", ")}; together ${withSign(total, size)}`);
}
