// The strongest pairs as lines from their words to their patches. The table has the same numbers, so the lines are
// hidden from screen readers; pointers pass through them, and the line nearest to the pointer shows its numbers.
const NEAR = 9, HALO = 2.5, INSET = 14, LEAN = 40, NAME = 12, LINKS = [["0", "off"], ["4", "4"], ["8", "8"], ["16", "16"]];
state.lines = compared ? "0" : "4";

// the points of one Bézier curve or two, from below a word to the middle of a patch, upright at both ends; the line of a
// word that is not above the picture first goes to its upper edge, since there are other things beside the picture
function linkCurve([x, y], [toX, toY], frame) {
  const edge = Math.min(Math.max(x, frame.x + INSET), frame.x + frame.width - INSET), bend = Math.max(24, Math.abs(toY - y)) * 0.55;
  if (edge === x) return [[x, y], [x, y + bend], [toX, toY - bend], [toX, toY]];
  const gap = frame.y - y, lean = Math.sign(edge - x) * Math.min(LEAN, Math.abs(edge - x) / 2), drop = 0.35 * gap, top = frame.y;
  return [[x, y], [x, y + 0.6 * gap], [edge - lean, top - drop], [edge, top], [edge + lean, top + drop], [toX, toY - 0.4 * (toY - top)], [toX, toY]];
}
const linkPath = (curve) => {
  const [start, ...rest] = curve.map((point) => point.map((v) => v.toFixed(1)).join(" "));
  return `M${start}C${rest.join(" ")}`;
};
const STEPS = 50;
const along = (curve) => range((STEPS * (curve.length - 1)) / 3 + 1).map((step) => {
  const part = Math.min(Math.floor(step / STEPS), (curve.length - 1) / 3 - 1), t = step / STEPS - part;
  const weights = [(1 - t) ** 3, 3 * t * (1 - t) ** 2, 3 * t * t * (1 - t), t ** 3];
  return [0, 1].map((axis) => weights.reduce((total, weight, i) => total + weight * curve[3 * part + i][axis], 0));
});
const linkStyle = (value, limit) => {
  const strength = limit > 0 ? Math.min(1, Math.abs(value) / limit) : 0;
  return { width: 1 + 2.4 * strength, opacity: 0.35 + 0.6 * strength, colour: value < 0 ? data.colours.negative : data.colours.positive };
};

// in the coordinates of a drawing with the boxes `wordBox(k)` and `frame`, the picture; the lines of one word start side
// by side, in the order of their patches; where other words are below it, they start beneath them all, at its name
function linkLines({ links, linkLimit, picture, nWords, content }, wordBox, frame) {
  const bottom = (box) => box.y + box.height, floor = links.length ? Math.max(...range(nWords).map((k) => bottom(wordBox(k)))) : 0;
  const place = ([x, y]) => [frame.x + x * frame.width, frame.y + y * frame.height];
  const lines = links.map((pair) => ({ ...pair, ...linkStyle(pair.value, linkLimit), to: place(picture.centre(pair.i)) }));
  for (const k of new Set(links.map((pair) => pair.k))) {
    const ofWord = lines.filter((line) => line.k === k).sort((a, b) => a.to[0] - b.to[0]), box = wordBox(k);
    const room = Math.min(0.6 * box.width, 10 * (ofWord.length - 1)), covered = bottom(box) < floor - 1;
    if (covered) ofWord[0].name = { text: content.words[k].label, x: box.x + box.width / 2, y: floor + NAME };
    ofWord.forEach((line, at) => {
      const x = box.x + box.width / 2 + (ofWord.length > 1 ? room * (at / (ofWord.length - 1) - 0.5) : 0);
      line.curve = linkCurve([x, covered ? floor + NAME + 3 : bottom(box)], line.to, frame);
      line.path = linkPath(line.curve);
    });
  }
  return lines;
}

const isGone = ({ removed, nPatches }, { k, i }) => removed.has(i) || removed.has(nPatches + k);
// the lines of players that the slider has removed are faded
function fadeLinks(panel) {
  for (const group of panel.parts.links.children) {
    const [k, i] = group.dataset.link.split("-").map(Number);
    group.classList.toggle("gone", isGone(panel, { k, i }));
  }
}

EXTRAS.push((panel) => {
  const svg = panel.parts.links, { root } = panel, label = make("p", undefined, { class: "link-label", "aria-hidden": "true" });
  panel.linkLimit = largest(panel.content.cross.map(largest));
  let lines = [], listening = false, labelled = null;
  label.hidden = true;
  svg.after(label);

  function place() {
    const origin = root.getBoundingClientRect(), picture = panel.parts.picture.getBoundingClientRect();
    const inside = (box) => ({ x: box.x - origin.x, y: box.y - origin.y, width: box.width, height: box.height });
    return linkLines(panel, (k) => inside(panel.buttons[k].getBoundingClientRect()), inside(picture));
  }
  function redraw() {
    label.hidden = true;
    labelled = null;
    lines = panel.links.length && panel.parts.picture.offsetWidth ? place() : [];
    svg.replaceChildren(...[...lines].reverse().map((line) => {
      const group = draw("g", { "data-link": `${line.k}-${line.i}` }), [x, y] = line.to.map((v) => v.toFixed(1));
      const stroke = { d: line.path, "stroke-width": line.width.toFixed(2) }, wider = (line.width + HALO).toFixed(2);
      group.append(draw("path", { ...stroke, class: "halo", "stroke-width": wider }),
        draw("path", { ...stroke, class: "line", stroke: line.colour, "stroke-opacity": line.opacity.toFixed(3) }),
        draw("circle", { cx: x, cy: y, r: (2 + line.width).toFixed(1), fill: line.colour }));
      if (line.name) {
        group.append(draw("text", { x: line.name.x, y: line.name.y, fill: line.colour }));
        group.lastChild.textContent = line.name.text;
      }
      line.group = group;
      return group;
    }));
    fadeLinks(panel);
    selectFocused();
  }
  function showLabel(line) {
    for (const other of lines) other.group.classList.toggle("strong", other === line);
    svg.classList.toggle("one", Boolean(line));
    label.hidden = !line;
    if (!line) return;
    const { words, patches, unit } = panel.content;
    label.replaceChildren(make("b", words[line.k].label), ` · ${patches[line.i].label} `, make("b", number(line.value)),
      ` ${line.error === null ? "" : `${plusMinus(line.error)} `}${unit}`);
    const [x, y] = line.to, half = label.offsetWidth / 2, room = root.clientWidth;
    label.style.left = `${Math.min(Math.max(x, half), Math.max(half, room - half))}px`;
    label.style.top = `${y}px`;
  }
  function nearest(event) {
    const origin = root.getBoundingClientRect(), x = event.clientX - origin.x, y = event.clientY - origin.y;
    let best = null, least = NEAR;
    for (const line of lines) {
      line.points ??= along(line.curve);
      for (const [px, py] of line.points) {
        const distance = Math.hypot(px - x, py - y);
        if (distance < least) [best, least] = [line, distance];
      }
    }
    return best;
  }
  const select = (line) => { if (line !== labelled) showLabel(labelled = line); };
  // the line of a row of the table, or the strongest line of a word or a patch
  function of(target) {
    const { pair, word, patch } = target.closest("[data-pair], [data-word], [data-patch]")?.dataset ?? {};
    if (pair !== undefined) return lines.find((line) => `${line.k}-${line.i}` === pair) ?? null;
    return lines.find((line) => String(line.k) === word || String(line.i) === patch) ?? null;
  }
  function selectFocused() {
    const focused = document.activeElement;
    select(root.contains(focused) && focused.matches(":focus-visible") ? of(focused) : null);
  }
  function listen() {
    listening = true;
    for (const kind of ["pointermove", "click"]) { // a click comes after its changes are drawn
      root.addEventListener(kind, (event) => {
        const pointed = kind === "pointermove" || event.detail > 0;
        if (lines.length && pointed && !event.target.closest("tr")) select(nearest(event));
      });
    }
    root.addEventListener("pointerleave", (event) => { if (event.pointerType !== "touch") select(null); });
    root.addEventListener("focusin", selectFocused);
    root.addEventListener("focusout", () => select(null));
    panel.parts.pairs.addEventListener("pointerover", (event) => select(of(event.target)));
    panel.parts.pairs.addEventListener("pointerleave", () => select(null));
    new ResizeObserver(redraw).observe(root);
  }
  return {
    render() {
      panel.links = state.view === "pairs" && state.lines !== "0" && !panel.bound ? strongestRows(panel, Number(state.lines)) : [];
      if (!listening) listen();
      redraw();
    },
  };
});
choice("lines", LINKS, hasPairs);
