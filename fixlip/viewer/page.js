// All panels together: the selection, the shared scales, and the controls for all panels.
const panels = [];
const previewed = () => (state.hover !== null && !state.words.has(state.hover) ? new Set([state.hover]) : state.words);

function toggle(set, item) {
  set.has(item) ? set.delete(item) : set.add(item);
  if (set === state.words) state.together = false;
  state.hover = null;
  render(true);
}
function clear() {
  state.words.clear();
  for (const panel of panels) {
    panel.patches.clear();
    panel.pinned = null;
    panel.extras.forEach((extra) => extra.clear?.());
  }
  state.hover = null;
  render(true);
}

// a choice is drawn and announced at once; changes that follow the pointer are drawn once per frame
let frame = null;
function render(announce = false) {
  if (!announce) {
    frame ??= requestAnimationFrame(renderPanels);
    return;
  }
  const patches = renderPanels();
  tellChosen();
  $("live").textContent = panels.filter((p) => p.visible && p.nPatches).map((p) => p.strongest(patches[p.index])).join(". ");
}
function renderPanels() {
  cancelAnimationFrame(frame);
  frame = null;
  const separate = state.scale === "own", shared = sharedLimit[state.view];
  const patches = panels.map((panel) => panel.patchValues()), words = panels.map((panel) => panel.wordValues());
  const ends = patches.map((values) => largest(values.map(shown))), tints = words.map((values) => largest(values.map(shown)));
  const bound = panels.map((panel) => Boolean(panel.bound)), related = panels.map((_, i) => !compared || contents[i].unit !== "relevance");
  for (const panel of panels) {
    if (!panel.visible) continue;
    const i = panel.index, apart = separate || (compared && panel.content.unit === "relevance");
    // sums over a few patches are on the scale of the picture, sums over all patches on a wider one
    const wide = state.view === "pairs" && panel.patches.size ? shared : wordLimit[state.view];
    const end = Math.max(bound[i] ? 0 : shared, ...ends.filter((_, k) => related[k] && bound[k] === bound[i]));
    panel.render(patches[i], apart ? ends[i] : end, words[i], apart ? tints[i] : Math.max(wide, ...tints.filter((_, k) => related[k])));
  }
  renderContrast();
  if (query) renderQuery();
  return patches;
}

function choice(name, options, enabled = true, changed = () => render(true)) {
  radios($(name), name, options, state[name], (value) => { state[name] = value; changed(); }, enabled);
}

for (const [name, colour] of Object.entries(data.colours)) document.documentElement.style.setProperty(`--${name}`, colour);
document.documentElement.style.setProperty("--panels", contents.length);
contents.forEach((content, index) => panels.push(new Panel(content, index)));
$("caption").textContent = data.caption;
if (compared) {
  $("count").textContent = [data.about, ...["model", "index"].filter(alike).map((name) => contents[0][name])].filter(Boolean).join(" · ");
  $("answer").textContent = [data.answer, ...(data.notes ?? [])].filter(Boolean).join(" ");
  $("answer").hidden = !$("answer").textContent;
  $("how").textContent = hasPairs ? `${howTo([...new Set(contents.map((c) => c.noun.many))].join(" or "))} ${data.shared} ${hasBindings ? BOTH : ""} ${contents.every((c) => c.adds && !c.gains) ? ADDS : ""}` : "";
} else {
  panels[0].stage.append($("settings"));
  $("top").className = "hidden";
}
if (compared) buildTabs();
choice("view", [["pairs", "interactions"], ["first", "first-order"]], hasPairs);
choice("sign", [["both", "both"], ["positive", "positive"], ["negative", "negative"]]);
choice("scale", [["shared", "shared"], ["own", "own"]]);
if (compared) choice("layout", [query ? ["tiles", "all hits"] : ["side", "side by side"], ["tabs", "one at a time"]], true, arrange);
if (compared && data.layout === "side") small.addEventListener("change", () => $("layout").querySelector(`[value=${usualLayout()}]`).click());
if (query) buildHits();
$("clear").addEventListener("click", clear);
document.addEventListener("keydown", (event) => { if (event.key === "Escape") clear(); });
arrange();
