async () => {
  const drawn = () => new Promise((done) => requestAnimationFrame(() => { setTimeout(done); }));
  const timed = async (act) => {
    await drawn();
    const start = performance.now();
    act();
    const script = performance.now() - start;
    await drawn();
    return [performance.now() - start, script];
  };
  const repeated = async (count, act) => {
    const times = [];
    for (let k = 0; k < count; k++) times.push(await timed(() => act(k)));
    return times;
  };
  const svg = document.querySelector("[data-patch]").ownerSVGElement, box = svg.getBoundingClientRect();
  const words = [...document.querySelectorAll("[data-word]")], shapes = [...document.querySelectorAll("[data-patch]")];
  const at = (kind, x, y) => new PointerEvent(kind, {
    bubbles: true, pointerType: "mouse", button: 0, clientX: box.x + x * box.width, clientY: box.y + y * box.height });
  const over = (element, kind) => element.dispatchEvent(new PointerEvent(kind, { pointerType: "mouse" }));
  const point = (shape, kind) => {
    const { x, y, width, height } = shape.getBoundingClientRect(), [clientX, clientY] = [x + width / 2, y + height / 2];
    shape.dispatchEvent(new PointerEvent(kind, { bubbles: true, pointerType: "mouse", clientX, clientY }));
  };
  const found = {}, some = (k) => shapes[(7 * k) % shapes.length];
  found["word click"] = await repeated(12, (k) => words[k % words.length].click());
  clear();
  found["word hover"] = await repeated(12, (k) => {
    over(words[k % words.length], "pointerleave");
    over(words[(k + 1) % words.length], "pointerenter");
  });
  over(words[0], "pointerleave");
  found["patch hover"] = await repeated(12, (k) => {
    for (const kind of ["pointerover", "pointermove"]) point(some(k), kind);
  });
  found["patch click"] = await repeated(12, (k) => some(k).dispatchEvent(new MouseEvent("click", { bubbles: true })));
  clear();
  svg.dispatchEvent(at("pointerdown", 0.02, 0.02));
  found["drag"] = await repeated(12, (k) => svg.dispatchEvent(at("pointermove", 0.1 + 0.07 * k, 0.1 + 0.07 * k)));
  found["drag end"] = await repeated(1, () => svg.dispatchEvent(at("pointerup", 0.95, 0.95)));
  clear();
  return found;
}
