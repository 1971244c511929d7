// The picture of a panel with its patches or regions: drawing, keyboard control, and selection by dragging.
// `chosen` is the set of chosen patches; `changed(announce)` is called after every change of it.
function buildPicture(place, content, chosen, changed) {
  const { width, height, patches, grid, noun } = content;
  const count = patches.length, columns = grid ? grid[1] : 1;
  const svg = draw("svg", { viewBox: `0 0 ${width} ${height}`, preserveAspectRatio: "none", role: grid ? "grid" : "listbox" });
  svg.setAttribute("aria-label", `${capital(noun.many)} of the picture; arrow keys move, space selects`);
  svg.setAttribute("aria-multiselectable", "true");
  if (content.picture) place.append(make("img", undefined, { src: content.picture, alt: `The picture: ${content.caption}`, draggable: "false" }));
  else {
    place.classList.add("bare");
    place.style.aspectRatio = width / height;
  }

  const edges = ({ box }) => box.map((v, side) => v * (side % 2 ? height : width));
  const rectangle = ([left, top, right, bottom]) => ({ x: left, y: top, width: right - left, height: bottom - top });
  const centre = ({ box, centre: middle }) => middle ?? [(box[0] + box[2]) / 2, (box[1] + box[3]) / 2];
  const placed = ({ box, path }) => Boolean(box || path); // a region may have no pixels
  let row = svg;
  const shapes = patches.map((patch, i) => {
    if (grid && i % columns === 0) svg.append(row = draw("g", { role: "row" }));
    const shape = patch.box ? draw("rect", rectangle(edges(patch))) : draw("path", { d: patch.path });
    row.append(attributed(shape, { "data-patch": i, role: grid ? "gridcell" : "option", tabindex: i === 0 ? "0" : "-1" }));
    return shape;
  });

  // covers over many patches are one path each: the hatching, and the paper over removed patches
  const covers = {};
  for (const name of ["unsure", "removed"]) svg.append(covers[name] = draw("path", { class: `cover ${name}`, "aria-hidden": "true" }));
  const cover = (name, indices) => {
    covers[name].setAttribute("d", indices.map((i) => outline(patches[i])).join(""));
    return covers[name];
  };

  // outlines are above all patches, light on dark, so that they are visible on any picture
  const outline = ({ box, path }) => {
    if (!box) return path;
    const [left, top, right, bottom] = edges({ box });
    return `M${left} ${top}H${right}V${bottom}H${left}Z`;
  };
  const rings = {};
  for (const name of ["chosen", "linked", "focused"]) {
    rings[name] = ["halo", "line"].map((kind) => draw("path", { class: `ring ${name} ${kind}`, "aria-hidden": "true" }));
    svg.append(...rings[name]);
  }
  const ring = (name, indices) => {
    const path = indices.map((i) => outline(patches[i])).join("");
    for (const line of rings[name]) line.setAttribute("d", path);
  };
  place.append(svg);
  if (grid) place.append(numbers("rows", grid[0]), numbers("columns", columns));

  const toggleAt = (i) => toggle(chosen, i);
  function focusPatch(i) {
    shapes.forEach((shape, k) => shape.setAttribute("tabindex", k === i ? "0" : "-1"));
    shapes[i].focus();
  }
  const directions = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
  // the nearest region in the direction of an arrow key; page keys go through all regions in order
  function neighbour(i, key) {
    const ordered = { Home: 0, End: count - 1, PageUp: i - 1, PageDown: i + 1 }[key];
    if (ordered !== undefined) return ordered;
    const [dx, dy] = directions[key], [x, y] = centre(patches[i]);
    let best, least = Infinity;
    patches.forEach((patch, k) => {
      const [px, py] = centre(patch), along = (px - x) * dx + (py - y) * dy, aside = Math.abs((px - x) * dy) + Math.abs((py - y) * dx);
      const cost = along + 2 * aside;
      if (k !== i && placed(patch) && along > 0 && aside <= along && cost < least) [best, least] = [k, cost];
    });
    return best;
  }
  function step(i, key) {
    if (!(key in directions) && !["Home", "End", "PageUp", "PageDown"].includes(key)) return undefined;
    if (!grid) return neighbour(i, key) ?? -1;
    const column = i % columns;
    return i + { ArrowLeft: -1, ArrowRight: 1, ArrowUp: -columns, ArrowDown: columns, PageUp: -columns, PageDown: columns,
      Home: -column, End: columns - 1 - column }[key];
  }
  svg.addEventListener("keydown", (event) => {
    const i = Number(event.target.dataset.patch), to = step(i, event.key);
    if (to !== undefined && shapes[to]) focusPatch(to);
    else if (event.key === " " || event.key === "Enter") toggleAt(i);
    else if (to === undefined) return;
    event.preventDefault();
  });
  svg.addEventListener("focusin", (event) => {
    if (event.target.matches("[data-patch]:focus-visible")) ring("focused", [Number(event.target.dataset.patch)]);
  });
  svg.addEventListener("focusout", () => ring("focused", []));

  // a click toggles a patch; dragging with mouse or pen selects all patches whose centres are covered
  let drag = null, dragged = false;
  const position = (event) => {
    const box = svg.getBoundingClientRect();
    return [(event.clientX - box.left) / box.width, (event.clientY - box.top) / box.height];
  };
  svg.addEventListener("pointerdown", (event) => {
    dragged = false;
    if (event.pointerType !== "touch" && event.button === 0) drag = { from: position(event), brush: null };
  });
  window.addEventListener("pointermove", (event) => {
    if (!drag) return;
    const [x, y] = position(event), [x0, y0] = drag.from;
    if (!drag.brush && Math.hypot(x - x0, y - y0) < 0.02) return;
    if (!drag.brush) svg.append(drag.brush = draw("rect", { class: "brush" }));
    const box = [Math.min(x, x0), Math.min(y, y0), Math.max(x, x0), Math.max(y, y0)];
    attributed(drag.brush, rectangle(edges({ box })));
    chosen.clear();
    patches.forEach((patch, i) => {
      const [cx, cy] = centre(patch);
      if (placed(patch) && cx >= box[0] && cx <= box[2] && cy >= box[1] && cy <= box[3]) chosen.add(i);
    });
    changed(false);
  });
  for (const end of ["pointerup", "pointercancel"]) {
    window.addEventListener(end, () => {
      if (!drag) return;
      drag.brush?.remove();
      dragged = Boolean(drag.brush);
      drag = null;
      if (dragged) changed(true);
    });
  }
  svg.addEventListener("click", (event) => {
    if (!dragged && event.target.dataset.patch !== undefined) toggleAt(Number(event.target.dataset.patch));
  });
  return { shapes, ring, cover, outline: (i) => outline(patches[i]), centre: (i) => centre(patches[i]), svg };
}

// the numbers of rows or columns along an edge of the picture; of many, some
function numbers(side, count) {
  const line = make("div", undefined, { class: `marks ${side}`, "aria-hidden": "true" }), step = Math.ceil(count / MOST_MARKS);
  line.append(...range(count).map((k) => make("span", k % step === 0 ? String(k + 1) : "")));
  return line;
}
const MOST_MARKS = 16;
