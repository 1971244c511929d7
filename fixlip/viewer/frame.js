// In the frame of a notebook: say how high the page is, whenever that changes; the frame follows where it can.
if (parent !== window) {
  const main = document.querySelector("main");
  const tell = () => parent.postMessage({ height: Math.ceil(main.getBoundingClientRect().height) }, "*");
  addEventListener("load", () => new ResizeObserver(tell).observe(main));
}
