// In the frame of a notebook: send the height of the page whenever it changes; the frame follows if it can.
if (parent !== window) {
  const main = document.querySelector("main");
  const tell = () => parent.postMessage({ height: Math.ceil(main.getBoundingClientRect().height) }, "*");
  addEventListener("load", () => new ResizeObserver(tell).observe(main));
}
