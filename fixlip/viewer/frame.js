// In the frame of a notebook: send the height of the page whenever it changes; the frame follows if it can.
if (parent !== window) {
  const main = document.querySelector("main");
  const tell = () => parent.postMessage({ height: Math.ceil(main.getBoundingClientRect().height) }, "*");
  addEventListener("load", () => new ResizeObserver(tell).observe(main));
}
// and what is chosen: numbers of words, and of patches, in each explanation where there are several
function tellChosen() {
  if (parent === window) return;
  const ordered = (set) => [...set].sort((a, b) => a - b), patches = panels.map((panel) => ordered(panel.patches));
  parent.postMessage({ selected: { words: ordered(state.words), patches: compared ? patches : patches[0] } }, "*");
}
