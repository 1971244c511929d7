// The scores while the k most important players are removed, or while only they are present. `panel.removed` are the
// players that the slider removes: patches first, then words, as in all lists of players.
const WAYS = [["deletion", "remove them"], ["insertion", "show only them"]];
const CHART = { width: 420, height: 132, left: 6, right: 6, top: 8, bottom: 8 };

EXTRAS.push((panel) => {
  const { curves } = panel.content, place = panel.parts.curves, none = { render() {} };
  panel.removed = new Set();
  if (!curves || panel.nPatches + panel.nWords === 0) return none;
  const { order, sizes, lines } = curves, name = (part) => `${part}-${panel.index}`;
  const names = Object.keys(lines.deletion), whole = sizes.length - 1;
  const all = WAYS.flatMap(([way]) => names.flatMap((line) => lines[way][line]));
  const low = Math.min(...all), high = Math.max(...all), spread = high - low || 1;
  const x = (k) => CHART.left + (sizes[k] / (sizes[whole] || 1)) * (CHART.width - CHART.left - CHART.right);
  const y = (v) => CHART.top + ((high - v) / spread) * (CHART.height - CHART.top - CHART.bottom);
  const score = (v) => write(v, Math.max(Math.abs(low), Math.abs(high))).replace("-", "−");
  let way = "deletion", k = 0;

  const title = make("h3", "The most important words and " + panel.content.noun.many, { id: name("curves-title") });
  const switches = make("fieldset", undefined, { class: "ways" });
  switches.append(make("legend", "Scores when we", { class: "hidden" }));
  radios(switches, name("way"), WAYS, way, (value) => { way = value; show(); });
  const slider = make("input", undefined, { type: "range", min: 0, max: whole, step: 1, value: 0, "aria-labelledby": title.id });
  const summary = make("p", undefined, { class: "summary" }), chart = draw("svg", { viewBox: `0 0 ${CHART.width} ${CHART.height}`, "aria-hidden": "true", class: "chart" });
  const ends = make("p", undefined, { class: "ends", "aria-hidden": "true" }), scores = make("dl", undefined, { class: "scores" });
  const drawn = Object.fromEntries(names.map((line) => [line, draw("path", { class: line })]));
  const dots = Object.fromEntries(names.map((line) => [line, draw("circle", { class: line, r: 4.5 })]));
  const now = draw("path", { class: "now" }), frame = draw("path", { class: "frame", d: `M0 ${CHART.height - 0.5}H${CHART.width}` }), values = {};
  chart.append(frame, now, ...Object.values(drawn), ...Object.values(dots));
  for (const line of names) {
    const pair = make("div", undefined, { class: line });
    pair.append(make("dt", line), values[line] = make("dd"));
    scores.append(pair);
  }
  const across = make("span");
  ends.append(make("span", "none"), across, make("span", `all ${sizes[whole]}`));
  const plot = make("div", undefined, { class: "plot" }), scale = make("p", undefined, { class: "scale", "aria-hidden": "true" });
  scale.append(make("span", score(high)), make("span", score(low)));
  plot.append(make("p", `similarity (${curves.unit})`, { class: "axis", "aria-hidden": "true" }), scale, chart, slider, ends);
  place.append(title, switches, plot, summary, scores);
  place.hidden = false;
  slider.addEventListener("input", () => { k = Number(slider.value); show(); });
  chart.addEventListener("pointerdown", (event) => { move(event); chart.setPointerCapture(event.pointerId); });
  chart.addEventListener("pointermove", (event) => { if (chart.hasPointerCapture(event.pointerId)) move(event); });
  function move(event) {
    const box = chart.getBoundingClientRect(), at = ((event.clientX - box.left) / box.width) * CHART.width;
    k = sizes.reduce((best, _, i) => (Math.abs(x(i) - at) < Math.abs(x(best) - at) ? i : best), 0);
    show();
  }

  function sentence() {
    const words = order.slice(0, sizes[k]).filter((i) => i >= panel.nPatches).length, { one, many } = panel.content.noun;
    if (sizes[k] === 0) return way === "deletion" ? "Nothing is removed." : "Nothing is present.";
    const counts = [[sizes[k] - words, one, many], [words, "word", "words"]].filter(([count]) => count);
    const parts = counts.map(([count, singular, plural]) => `${count} ${count === 1 ? singular : plural}`).join(" and ");
    return way === "deletion" ? `${parts} removed, the most important first.` : `Only ${parts} present, the most important ones.`;
  }
  function show() {
    const points = (values) => values.map((v, i) => `${i ? "L" : "M"}${x(i).toFixed(1)} ${y(v).toFixed(1)}`).join("");
    for (const line of names) {
      const value = lines[way][line][k];
      drawn[line].setAttribute("d", points(lines[way][line]));
      attributed(dots[line], { cx: x(k).toFixed(1), cy: y(value).toFixed(1) });
      values[line].textContent = `${score(value)} ${curves.unit}`;
    }
    now.setAttribute("d", `M${x(k).toFixed(1)} 0V${CHART.height}`);
    slider.value = k;
    across.textContent = way === "deletion" ? "removed" : "shown";
    summary.textContent = sentence();
    slider.setAttribute("aria-valuetext", `${sentence()} ${names.map((line) => `${capital(line)} ${values[line].textContent}`).join(", ")}`);
    const gone = way === "deletion" ? order.slice(0, sizes[k]) : order.slice(sizes[k]);
    panel.removed = new Set(gone);
    panel.picture.cover("removed", gone.filter((i) => i < panel.nPatches));
    panel.buttons.forEach((button, i) => button.classList.toggle("removed", panel.removed.has(panel.nPatches + i)));
    fadeLinks(panel);
    describe(panel);
  }
  show();
  return {
    render() {},
    clear() { way = "deletion"; k = 0; switches.querySelector("input").checked = true; show(); },
  };
});
