// The page of a result in its frame; what is chosen on it (frame.js) becomes a value of the widget.
export default {
  render({ model, el }) {
    el.innerHTML = model.get("page");
    const frame = el.firstElementChild;
    const hear = (event) => {
      if (event.source !== frame.contentWindow || !event.data.selected) return;
      model.set("selected", event.data.selected);
      model.save_changes();
    };
    addEventListener("message", hear);
    return () => removeEventListener("message", hear);
  },
};
