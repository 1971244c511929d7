// Marks on the sums that are not clearly different from 0, judged by the standard errors of their terms.
const CLEAR = 2; // standard errors
const hasErrors = contents.some((c) => c.firstError || c.crossError);
state.errors = "off";

// the standard error of a sum of independent terms; null if no term has one
function quadrature(items, error) {
  const squares = sum(items, (item) => (error(item) === null ? null : error(item) ** 2));
  return items.length && squares !== null ? Math.sqrt(squares) : null;
}
const unclear = (values, errors) => range(values.length).filter((i) => {
  const value = values[i] === null ? null : shown(values[i]);
  return value !== null && errors[i] !== null && (value !== 0 || state.sign === "both") && Math.abs(value) < CLEAR * errors[i];
});
function patchErrors(panel) {
  const { firstError, crossError } = panel.content, all = range(panel.nPatches);
  if (panel.bound) return panel.bound.errors ?? all.map(() => null);
  if (state.view === "first") return firstError ? firstError.slice(0, panel.nPatches) : all.map(() => null);
  const rows = crossError ? panel.activeWords().map((k) => crossError[k]) : [];
  return all.map((i) => quadrature(rows, (row) => row[i]));
}
function wordErrors(panel) {
  const { firstError, crossError, gains, gainErrors, adds, addsError } = panel.content, ofWords = (errors) => errors?.slice(panel.nPatches) ?? range(panel.nWords).map(() => null);
  if (state.view === "first") return ofWords(firstError);
  if (!panel.patches.size) { // as `wordValues`
    if (gainErrors) return gainErrors;
    if (adds && !gains) return ofWords(addsError);
  }
  const columns = panel.activePatches();
  return range(panel.nWords).map((k) => quadrature(crossError ? columns : [], (i) => crossError[k][i]));
}

// descriptions of the marks for screen readers; players are numbered with patches first
function describe(panel) {
  const notes = new Map(), { nPatches, picture, buttons } = panel;
  const note = (players, text) => { for (const i of players ?? []) notes.set(i, notes.has(i) ? `${notes.get(i)}, ${text}` : text); };
  note(panel.unclear, "not clearly different from 0");
  note(panel.removed, "removed");
  const element = (i) => (i < nPatches ? picture.shapes[i] : buttons[i - nPatches]);
  const before = panel.described ?? new Map();
  for (const i of before.keys()) if (!notes.has(i)) element(i).removeAttribute("aria-description");
  for (const [i, text] of notes) if (before.get(i) !== text) element(i).setAttribute("aria-description", text);
  panel.described = notes;
}

EXTRAS.push((panel) => {
  const { svg } = panel.picture, { width } = panel.content;
  const hasOwnErrors = Boolean(panel.content.firstError || panel.content.crossError);
  const note = make("p", undefined, { class: "note errors-note" }), id = `hatch-${panel.index}`;
  const step = width / 52, definitions = draw("defs");
  const pattern = draw("pattern", { id, width: step, height: step, patternUnits: "userSpaceOnUse", patternTransform: "rotate(45)" });
  pattern.append(draw("path", { d: `M${step / 2} 0V${step}`, class: "hatch dark", "stroke-width": step / 5 }), draw("path", { d: `M${step / 2 + step / 6} 0V${step}`, class: "hatch light", "stroke-width": step / 7 }));
  definitions.append(pattern);
  svg.prepend(definitions);
  panel.picture.cover("unsure", []).setAttribute("fill", `url(#${id})`);
  panel.stage.querySelector(".legend").after(note);

  return {
    render() {
      const on = state.errors === "on", sums = panel.values;
      const patches = on ? unclear(sums.patches, patchErrors(panel)) : [], words = on ? unclear(sums.words, wordErrors(panel)) : [];
      panel.unclear = [...patches, ...words.map((k) => panel.nPatches + k)];
      panel.picture.cover("unsure", patches);
      panel.buttons.forEach((button, k) => button.classList.toggle("unsure", words.includes(k)));
      describe(panel);
      note.hidden = !on;
      const { one } = panel.content.noun;
      note.textContent = !hasOwnErrors ? "This explanation has no standard errors."
        : `Hatched ${one}, dashed word: less than ${CLEAR} standard errors from 0 (${patches.length} of ${panel.nPatches} ${panel.content.noun.many}, ${words.length} of ${panel.nWords} words).`;
    },
  };
});
choice("errors", [["off", "off"], ["on", "on"]], hasErrors);
if (!hasErrors) $("errors").append(make("small", "no standard errors"));
