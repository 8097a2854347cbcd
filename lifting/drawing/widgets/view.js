// A whole widget: controls above, panels below, what went wrong, and a sentence for those who listen.
// `ask` is told what the reader does; `show` is given what there is to see, by the kernel or from recorded moves.

function liftingView(root, scene, ask) {
  const body = make("div", { class: "lv" }, root);
  const palettes = {};
  for (const [name, pair] of Object.entries(scene.palettes)) {
    palettes[name] = pair.map((colours) => Uint32Array.from(colours, (c) => {
      const rgb = parseInt(c.slice(1), 16);
      return (0xff000000 | ((rgb & 255) << 16) | (rgb & 0xff00) | (rgb >> 16)) >>> 0;
    }));
  }
  const controls = make("div", { class: "lv-controls" }, body);
  const inputs = {};
  for (const control of scene.controls) inputs[control.name] = makeControl(controls, control, ask);
  const reset = make("button", { class: "lv-reset", type: "button", text: "Reset" }, controls);
  const grid = make("div", { class: "lv-panels" }, body);
  let number = 0;
  let column = null;
  const panels = scene.panels.map((spec) => {
    spec.layers.forEach((layer) => { layer.number = number++; });
    if (!spec.below) column = make("div", { class: "lv-column" }, grid);
    return spec.axes.length === 3 ? new Space(column, spec) : new Plot(column, spec, palettes, ask);
  });
  // Keys that JupyterLab and Notebook have bound move something here: this keeps them from what has the focus.
  for (const part of body.querySelectorAll("input, select, button, svg")) part.setAttribute("data-lm-suppress-shortcuts", "true");
  const message = make("div", { class: "lv-message", role: "alert" }, body);
  const summary = make("div", { class: "lv-summary", "aria-live": "polite" }, body);
  let state = null;
  let speaking = null;
  let dark = false;

  reset.addEventListener("click", () => {
    panels.forEach((panel) => panel.turn && panel.turn(panel.spec.azimuth, panel.spec.elevation));
    ask({ do: "reset" });
  });

  function paint() {
    if (!state) return;
    dark = isDark(body);
    let first = 0;
    panels.forEach((panel, n) => {
      panel.show(state.titles[n], state.numbers.slice(first, first + panel.spec.layers.length), dark);
      first += panel.spec.layers.length;
    });
  }

  // While an answer is awaited, the controls stay where the reader has put them.
  function show(given, settled) {
    state = given;
    paint();
    message.textContent = state.message || "";
    if (settled) for (const [name, [index, text]] of Object.entries(state.controls)) inputs[name](index, text);
    clearTimeout(speaking);
    speaking = setTimeout(() => { if (summary.textContent !== state.summary) summary.textContent = state.summary; }, 400);
    body.dataset.shown = Number(body.dataset.shown || 0) + 1;
  }

  const theme = new MutationObserver(paint);
  for (const element of [document.documentElement, document.body]) theme.observe(element, { attributes: true, attributeFilter: ["class", "theme", "data-theme", "data-jp-theme-light"] });
  const system = matchMedia("(prefers-color-scheme: dark)");
  system.addEventListener("change", paint);
  const placed = new ResizeObserver(() => { if (isDark(body) !== dark) paint(); });
  placed.observe(body);
  return {
    body,
    show,
    say: (text) => { message.textContent = text; },
    state: () => state,
    close: () => { theme.disconnect(); placed.disconnect(); system.removeEventListener("change", paint); clearTimeout(speaking); body.remove(); },
  };
}

// The style sheet makes the background dark where the page is. What is not in a page yet has no style.
function isDark(element) {
  const [red] = getComputedStyle(element).backgroundColor.match(/[\d.]+/g) || [255];
  return red < 128;
}

function makeControl(parent, control, ask) {
  const label = make("label", { class: "lv-control" }, parent);
  make("span", { class: "lv-name", text: control.name }, label);
  const say = (index) => ask({ do: "set", what: control.name, index });
  if (control.menu) {
    const menu = make("select", { "aria-label": control.name }, label);
    control.texts.forEach((text, n) => make("option", { value: n, text }, menu));
    menu.addEventListener("change", () => say(menu.selectedIndex));
    return (index) => { menu.selectedIndex = index; };
  }
  const input = make("input", { type: "range", min: 0, max: control.texts.length - 1, step: 1, "aria-label": control.name }, label);
  const output = make("output", {}, label);
  const write = (text) => { output.textContent = text; input.setAttribute("aria-valuetext", text); };
  input.addEventListener("input", () => { write(control.texts[+input.value]); say(+input.value); });
  input.addEventListener("keydown", (event) => event.stopPropagation());
  return (index, text) => { if (+input.value !== index) input.value = index; write(text); };
}
