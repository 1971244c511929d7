// Panels side by side, or one at a time behind tabs; the selection stays.
function arrange() {
  const tabbed = compared && state.layout === "tabs";
  document.querySelector("main").className = [compared ? "comparison" : "single", compared && state.layout, data.list && "list"].filter(Boolean).join(" ");
  $("tabs").hidden = !tabbed;
  for (const tab of $("tabs").children) attributed(tab, { "aria-selected": tab.id === `tab-${state.tab}`, tabindex: tab.id === `tab-${state.tab}` ? "0" : "-1" });
  panels.forEach(({ root, parts }, i) => {
    root.hidden = tabbed && i !== state.tab;
    attributed(root, tabbed ? { role: "tabpanel", "aria-labelledby": `tab-${i}` } : { role: "region", "aria-labelledby": parts.title.id });
  });
  render(true);
}

function buildTabs() {
  const asked = contents.findIndex((_, i) => location.hash === `#show-${i}`); // a link may lead to one of the explanations
  if (asked >= 0) [state.tab, state.layout] = [asked, "tabs"];
  const pictures = new Set(contents.map((content) => content.picture));
  const tabs = contents.map((content, i) => {
    const tab = make("button", undefined, { type: "button", role: "tab", id: `tab-${i}`, "aria-controls": `panel-${i}` });
    if (data.list && content.picture && pictures.size > 1) tab.append(make("img", undefined, { src: content.picture, alt: "" }));
    const [[name, value]] = content.totals;
    tab.append(make("span", content.title), make("small", `${name} ${plain(value)}`));
    tab.addEventListener("click", () => { state.tab = i; arrange(); });
    return tab;
  });
  const go = { ArrowLeft: -1, ArrowUp: -1, ArrowRight: 1, ArrowDown: 1, Home: -Infinity, End: Infinity };
  $("tabs").addEventListener("keydown", (event) => {
    if (!(event.key in go)) return;
    const ordered = [...$("tabs").children], n = ordered.length, step = go[event.key];
    const next = ordered[Number.isFinite(step) ? (ordered.indexOf(tabs[state.tab]) + step + n) % n : step < 0 ? 0 : n - 1];
    state.tab = tabs.indexOf(next);
    arrange();
    next.focus();
    event.preventDefault();
  });
  attributed($("tabs"), { "aria-orientation": data.list ? "vertical" : "horizontal" });
  $("tabs").append(...tabs);
}
