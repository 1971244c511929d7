// What two chosen words mean together, and the variance by numbers of patches and words: only where there are such numbers.
const hasBindings = contents.some((content) => content.bindings?.length);
const BOTH = "Choose two words to read what they mean together; shift-click the second to see where.";

// the last word chosen and this one, and where they bind
function join(k) {
  const last = [...state.words].filter((word) => word !== k).pop();
  state.words.clear();
  for (const word of [last, k]) if (word !== undefined) state.words.add(word);
  state.together = true;
  state.hover = null;
  render(true);
}
const choose = (k) => ({ shiftKey }) => (shiftKey && hasBindings ? join(k) : toggle(state.words, k));

EXTRAS.push((panel) => {
  if (!panel.content.bindings?.length) return { render() {} };
  const line = make("p", undefined, { class: "together" }), said = make("span"), where = make("button", "Show where", { type: "button" });
  where.addEventListener("click", () => { state.together = !state.together; render(true); });
  line.append(said, " ", where);
  panel.parts.words.after(line);
  return {
    render() {
      const { binding } = panel;
      line.hidden = !binding;
      said.textContent = binding?.said ?? "";
      where.setAttribute("aria-pressed", state.together);
    },
  };
});

const percent = (share, places = 0) => {
  const value = Math.max(100 * share, 0), least = 10 ** -places;
  return value > 0 && value < least / 2 ? `<${least}%` : `${value.toFixed(places)}%`;
};
function showSpectrum({ power, noun }, place) {
  if (!power) return;
  const table = make("table", undefined, { class: "square" }), top = table.createTHead().insertRow(), body = table.createTBody();
  const several = (k, { one, many }) => `${["no", "1"][k] ?? k} ${k < 2 ? one : many}`, word = { one: "word", many: "words" };
  top.append(make("td"), ...range(3).map((b) => make("th", several(b, word), { scope: "col" })));
  power.shares.forEach((row, a) => {
    const line = body.insertRow();
    line.append(make("th", several(a, noun), { scope: "row" }), ...row.map((share, b) => {
      if (a + b === 0) return make("td");
      const title = `${several(a, noun)}, ${several(b, word)}: ${percent(share, 1)} ± ${percent(power.errors[a][b], 1)}`;
      const cell = make("td", percent(share), { title, "aria-label": title });
      cell.style.setProperty("--share", `${Math.round(62 * Math.sqrt(Math.max(share, 0)))}%`);
      return cell;
    }));
  });
  const both = make("div", undefined, { class: "spectrum" });
  both.append(table, make("p", power.said, { class: "hint" }));
  place.append(make("h3", "What makes it vary", { title: TERMS.spectrum }), both);
  place.hidden = false;
}
EXTRAS.push((panel) => {
  showSpectrum(panel.content, panel.parts.spectrum);
  return { render() {} };
});
