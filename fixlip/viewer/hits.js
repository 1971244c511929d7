// The hits of a query as tiles: one line of words that light up in all of them, in an order of choice.
const query = data.query;
state.order = "score";

function queryButton(word, k) {
  const button = make("button", word, { type: "button", "data-query": k, "aria-pressed": "false" });
  button.addEventListener("click", () => toggle(state.words, k));
  button.addEventListener("pointerenter", (event) => { if (event.pointerType !== "touch") { state.hover = k; render(); } });
  button.addEventListener("pointerleave", () => { state.hover = null; render(); });
  return button;
}

function renderQuery() {
  for (const button of $("query").children) {
    const k = Number(button.dataset.query);
    button.setAttribute("aria-pressed", state.words.has(k));
    button.classList.toggle("hovered", state.hover === k);
  }
}

// the hits by similarity or by what a word adds to it; the shown tab stays the same hit
function order() {
  const by = ({ score, gains }) => (state.order === "score" ? score : gains[Number(state.order)]);
  const sorted = [...panels].sort((a, b) => by(b.content) - by(a.content) || a.index - b.index);
  $("panels").append(...sorted.map((panel) => panel.root));
  $("tabs").append(...sorted.map((panel) => $(`tab-${panel.index}`)));
  render(true);
}

function buildHits() {
  $("query").hidden = $("order").hidden = false;
  $("query").append(...query.map(queryButton));
  choice("order", [["score", "similarity"], ...query.map((word, k) => [String(k), word])], true, order);
  for (const panel of panels) {
    const look = make("button", panel.content.status === "ok" ? "look closer" : "look closer: a note on its errors", { type: "button", class: "look" });
    look.addEventListener("click", () => {
      [state.layout, state.tab] = ["tabs", panel.index];
      $("layout").querySelector("[value=tabs]").checked = true;
      arrange();
    });
    panel.parts.title.after(make("p", `${plain(panel.content.score)} ${panel.content.unit}`, { class: "score" }));
    panel.root.append(look);
  }
}
