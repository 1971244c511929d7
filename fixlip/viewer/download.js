// Downloads of a panel: its numbers as CSV (RFC 4180), and its picture as PNG, in a file or on the clipboard.
const slug = (text) => text.normalize("NFC").replace(/[^\p{L}\p{N}]+/gu, "-").replace(/^-+|-+$/g, "").slice(0, 60);
function fileName(panel, ending) {
  const parts = [data.caption, compared && panel.content.title !== data.caption ? panel.content.title : ""].map(slug);
  return `${["fixlip", ...parts.filter(Boolean)].join("-")}.${ending}`;
}

// a label that a spreadsheet would take for a formula gets an apostrophe; numbers stay as they are
const cell = (value) => {
  if (typeof value !== "string") return value === null ? "" : String(Number(value.toPrecision(5)));
  const text = /^\s*[=+\-@\t\r]/.test(value) ? `'${value}` : value;
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
};
function toCsv({ content, nPatches }) {
  const { patches, words, first, cross, firstError, crossError, unit } = content;
  const image = patches.map((patch, i) => `${i},${cell(patch.label)}`), text = words.map((word, k) => `${k},${cell(word.label)}`);
  const lines = ["kind,image_player,image_label,text_player,text_label,value,standard_error,unit"];
  const line = (kind, left, right, value, error) => lines.push(`${kind},${left},${right},${cell(value)},${cell(error ?? null)},${unit}`);
  first.forEach((value, i) => line("first-order", image[i] ?? ",", i < nPatches ? "," : text[i - nPatches], value, firstError?.[i]));
  cross.forEach((row, k) => row.forEach((value, i) => line("interaction", image[i], text[k], value, crossError?.[k][i])));
  return `${lines.join("\r\n")}\r\n`;
}

const SHEET = { width: 640, margin: 20, scale: 2, gap: 7 };
const cssColour = (name) => getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();
const font = (size, weight = 400) => `${weight} ${size}px system-ui, sans-serif`;

// the layout of the sheet, in units of SHEET.scale pixels
function sheetLayout(panel, brush) {
  const inner = SHEET.width - 2 * SHEET.margin, { content, buttons } = panel, img = panel.parts.picture.querySelector("img");
  const top = SHEET.margin + (compared ? 26 : 0), words = [];
  let x = 0, y = top;
  for (const button of buttons) {
    const [, label, value] = button.children;
    brush.font = font(19);
    const width = Math.min(inner, Math.max(brush.measureText(label.textContent).width, 34) + 22);
    if (x > 0 && x + width > inner) [x, y] = [0, y + 50 + SHEET.gap];
    words.push({ x: SHEET.margin + x, y, width, height: 50, label: label.textContent, value: value.textContent });
    x += width + SHEET.gap;
  }
  const ratio = img ? img.naturalHeight / img.naturalWidth : content.height / content.width;
  const picture = { x: SHEET.margin, y: y + (words.length ? 50 + 26 : 0), width: inner, height: Math.round(inner * ratio), img };
  return { top, words, picture, legend: picture.y + picture.height + 14, height: picture.y + picture.height + (panel.bound ? 106 : 84) };
}

function drawPatches(brush, panel, picture) {
  const { content } = panel, { shapes, outline } = panel.picture;
  brush.save();
  brush.beginPath();
  brush.roundRect(picture.x, picture.y, picture.width, picture.height, 10);
  brush.clip();
  if (picture.img) {
    brush.filter = getComputedStyle(picture.img).filter;
    brush.drawImage(picture.img, picture.x, picture.y, picture.width, picture.height);
    brush.filter = "none";
  }
  brush.translate(picture.x, picture.y);
  brush.scale(picture.width / content.width, picture.height / content.height);
  const pixel = content.width / picture.width, all = (indices) => new Path2D(indices.map(outline).join(""));
  const stroke = (path, colour, width) => Object.assign(brush, { strokeStyle: colour, lineWidth: width * pixel }).stroke(path);
  shapes.forEach((shape, i) => {
    brush.fillStyle = shape.getAttribute("fill");
    brush.globalAlpha = Number(shape.getAttribute("fill-opacity"));
    brush.fill(new Path2D(outline(i)));
  });
  brush.globalAlpha = 1;
  const places = (players) => all([...players].filter((i) => i < panel.nPatches));
  stroke(all(range(panel.nPatches)), "rgb(255 255 255 / .22)", 1);
  hatch(brush, places(panel.unclear ?? []), content, stroke);
  brush.globalAlpha = 0.86;
  brush.fillStyle = cssColour("paper");
  brush.fill(places(panel.removed), "evenodd");
  brush.globalAlpha = 1;
  stroke(all([...panel.patches]), "#16181c", 5);
  stroke(all([...panel.patches]), "#fff", 2.5);
  brush.restore();
}
function hatch(brush, path, { width, height }, stroke) {
  const step = (width / 52) * Math.SQRT2, lines = new Path2D();
  for (let at = -height; at < width; at += step) {
    lines.moveTo(at, height);
    lines.lineTo(at + height, 0);
  }
  brush.save();
  brush.clip(path, "evenodd");
  stroke(lines, "rgb(22 24 28 / .4)", 2);
  brush.translate(width / 300, 0);
  stroke(lines, "rgb(255 255 255 / .5)", 1.4);
  brush.restore();
}

function drawWord(brush, panel, word, k) {
  const button = panel.buttons[k], middle = word.x + word.width / 2, room = word.width - 14, chosen = button.getAttribute("aria-pressed") === "true";
  brush.save();
  const removed = panel.removed.has(panel.nPatches + k), ink = cssColour(removed ? "soft" : "ink");
  brush.beginPath();
  brush.roundRect(word.x, word.y, word.width, word.height, 9);
  brush.fillStyle = cssColour("card");
  brush.fill();
  brush.globalAlpha = removed ? 0 : Number(button.children[0].style.opacity || 0);
  brush.fillStyle = button.children[0].style.backgroundColor;
  brush.fill();
  brush.globalAlpha = 1;
  Object.assign(brush, { strokeStyle: cssColour(chosen ? "ink" : "line"), lineWidth: chosen ? 2 : 1 }).stroke();
  brush.textAlign = "center";
  brush.fillStyle = ink;
  brush.font = font(19);
  brush.fillText(word.label, middle, word.y + 24, room);
  const half = Math.min(room, brush.measureText(word.label).width) / 2;
  const rule = (y) => { brush.beginPath(); brush.moveTo(middle - half, y); brush.lineTo(middle + half, y); brush.stroke(); };
  Object.assign(brush, { strokeStyle: ink, lineWidth: 1.5 });
  if (removed) rule(word.y + 18);
  brush.setLineDash([4, 3]);
  if (button.classList.contains("unsure")) rule(word.y + 29);
  brush.setLineDash([]);
  brush.font = font(11.5);
  brush.fillText(word.value, middle, word.y + 43, room);
  brush.restore();
}

function drawLinks(brush, panel, { words, picture }) {
  for (const line of linkLines(panel, (k) => words[k], picture).reverse()) {
    const path = new Path2D(line.path), all = isGone(panel, line) ? 0.18 : 1;
    brush.lineCap = "round";
    Object.assign(brush, { strokeStyle: cssColour("paper"), lineWidth: line.width + HALO, globalAlpha: 0.55 * all }).stroke(path);
    Object.assign(brush, { strokeStyle: line.colour, lineWidth: line.width, globalAlpha: line.opacity * all }).stroke(path);
    if (line.name) {
      Object.assign(brush, { fillStyle: line.colour, font: font(12), textAlign: "center", globalAlpha: all });
      brush.fillText(line.name.text, line.name.x, line.name.y);
    }
    brush.beginPath();
    brush.arc(...line.to, 2 + line.width, 0, 2 * Math.PI);
    Object.assign(brush, { fillStyle: line.colour, strokeStyle: "#fff", lineWidth: 1.5, globalAlpha: all }).fill();
    brush.stroke();
  }
  brush.globalAlpha = 1;
}

function drawLegend(brush, panel, { legend, picture }) {
  const { parts, content } = panel, bar = brush.createLinearGradient(picture.x, 0, picture.x + picture.width, 0), end = picture.x + picture.width;
  [data.colours.negative, cssColour("line"), data.colours.positive].forEach((colour, i) => bar.addColorStop(i / 2, colour));
  brush.fillStyle = bar;
  brush.beginPath();
  brush.roundRect(picture.x, legend, picture.width, 9, 4.5);
  brush.fill();
  brush.fillStyle = cssColour("soft");
  brush.font = font(12);
  for (const [align, x, text] of [["left", picture.x, parts.low.textContent], ["center", picture.x + picture.width / 2, "0"], ["right", end, parts.high.textContent]]) {
    brush.textAlign = align;
    brush.fillText(text, x, legend + 25);
  }
  brush.textAlign = "left";
  const hatched = state.errors === "on" && (panel.unclear ?? []).length ? `hatched or dashed: less than ${CLEAR} standard errors from 0` : "";
  const lines = [panel.bound?.said, [content.model, content.index, hatched].filter(Boolean).join(" · ")].filter((line) => line !== undefined);
  lines.forEach((line, i) => brush.fillText(line, picture.x, legend + 50 + 22 * i, picture.width));
}

function toCanvas(panel) {
  const canvas = make("canvas"), brush = canvas.getContext("2d"), layout = sheetLayout(panel, brush);
  Object.assign(canvas, { width: SHEET.width * SHEET.scale, height: layout.height * SHEET.scale });
  brush.scale(SHEET.scale, SHEET.scale);
  brush.fillStyle = cssColour("paper");
  brush.fillRect(0, 0, SHEET.width, layout.height);
  if (compared) {
    Object.assign(brush, { fillStyle: cssColour("ink"), font: font(16, 600) });
    brush.fillText(panel.content.title, SHEET.margin, SHEET.margin + 13, SHEET.width - 2 * SHEET.margin);
  }
  drawPatches(brush, panel, layout.picture);
  drawLinks(brush, panel, layout);
  layout.words.forEach((word, k) => drawWord(brush, panel, word, k));
  drawLegend(brush, panel, layout);
  return canvas;
}
const toPng = (panel) => new Promise((done) => { toCanvas(panel).toBlob(done, "image/png"); });

function keep(blob, name) {
  const link = make("a", undefined, { href: URL.createObjectURL(blob), download: name });
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
}

EXTRAS.push((panel) => {
  const status = make("span", "", { role: "status" });
  const tool = (text, description, act) => {
    const button = make("button", text, { type: "button", title: description });
    button.addEventListener("click", () => { status.textContent = ""; act(); });
    return button;
  };
  panel.parts.tools.append(
    tool("CSV", "All words, patches and pairs with their values and standard errors", () => keep(new Blob(["\ufeff", toCsv(panel)], { type: "text/csv" }), fileName(panel, "csv"))),
    tool("PNG", "The picture, words and legend as shown", async () => keep(await toPng(panel), fileName(panel, "png"))),
    tool("Copy picture", "Copy the picture, words and legend to the clipboard", async () => {
      try {
        await navigator.clipboard.write([new ClipboardItem({ "image/png": toPng(panel) })]);
        status.textContent = "Copied.";
      } catch {
        status.textContent = "This browser does not allow copying here; PNG saves the same picture.";
      }
    }),
    status,
  );
  return { render() {} };
});
