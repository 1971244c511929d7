// The table of the difference between two captions, linked to the words of the panels.
const contrast = data.contrast;
const signed = (v) => (v === null ? "–" : withSign(v, contrastEnd));
const contrastEnd = contrast ? largest(contrast.rows.map((row) => row.difference)) : 0;

function contrastRow(row) {
  const line = make("tr"), name = make("th", undefined, { scope: "row" });
  const bar = make("td", undefined, { class: "bar" }), piece = make("i", undefined, { class: row.difference < 0 ? "minus" : "plus" });
  piece.style.width = `${contrastEnd > 0 ? (100 * Math.abs(row.difference)) / contrastEnd : 0}%`;
  bar.append(piece);
  if (row.word === null) name.textContent = row.part;
  else {
    const button = make("button", row.part, { type: "button", "data-part-word": row.word, class: row.kind });
    button.addEventListener("click", choose(row.word));
    line.addEventListener("pointerenter", (event) => { if (event.pointerType !== "touch") { state.hover = row.word; render(); } });
    line.addEventListener("pointerleave", () => { state.hover = null; render(); });
    name.append(button);
  }
  const cross = make("td", row.cross === null ? "" : signed(row.cross), { class: "number" });
  if (row.error !== null) cross.append(make("small", ` ± ${write(row.error, contrastEnd)}`));
  const [difference, first, second] = [row.difference, row.first, row.second].map((v) => make("td", signed(v), { class: "number" }));
  line.append(name, difference, bar, first, second, cross, make("td", row.where));
  return line;
}

function renderContrast() {
  for (const button of $("contrast-rows").querySelectorAll("button")) {
    const word = Number(button.dataset.partWord);
    button.setAttribute("aria-pressed", state.words.has(word));
    button.closest("tr").classList.toggle("hovered", state.hover === word);
  }
}

if (contrast) {
  const [first, second, difference] = contrast.total, words = contrast.rows.filter((row) => row.word !== null);
  const strongest = words.sort((a, b) => Math.abs(b.difference) - Math.abs(a.difference));
  $("contrast").hidden = false;
  $("contrast-unit").textContent = `difference (${contrast.unit})`;
  $("contrast-rows").append(...[...strongest, ...contrast.rows.filter((row) => row.word === null)].map(contrastRow));
  const total = make("tr");
  const cells = [signed(difference), "", plain(first), plain(second), "", ""].map((v) => make("td", v, { class: "number" }));
  total.append(make("th", "similarity", { scope: "row" }), ...cells);
  $("contrast-total").append(total);
}
