// Panels with two axes. A panel is drawn once from its layout; `show` gives its layers their numbers.
// All numbers come from Python, in the order of the layers; what is computed here is where they stand on the screen.

const SVG = "http://www.w3.org/2000/svg";
const INSIDE = { left: 58, right: 12, top: 6, bottom: 42 };
let drawn = 0;

function make(tag, attributes, parent) {
  const svg = ["svg", "g", "path", "line", "text", "rect", "circle", "clipPath", "defs"].includes(tag);
  const element = svg ? document.createElementNS(SVG, tag) : document.createElement(tag);
  for (const [name, value] of Object.entries(attributes || {})) {
    if (name === "text") element.textContent = value;
    else element.setAttribute(name, value);
  }
  if (parent) parent.append(element);
  return element;
}

function bytesOf(packed) {
  if (typeof packed === "string") return Uint8Array.from(atob(packed), (c) => c.charCodeAt(0));
  return new Uint8Array(packed.buffer, packed.byteOffset, packed.byteLength);
}

// Whether a layer's numbers are what they were: then nothing is drawn again.
function same(packed, before) {
  if (packed === before) return true;
  if (!packed || !before || typeof packed === "string" || packed.byteLength !== before.byteLength) return false;
  const [now, then] = [bytesOf(packed), bytesOf(before)];
  return now.every((byte, n) => byte === then[n]);
}

// Rows of float32 numbers.
function rowsOf(packed, count) {
  const all = new Float32Array(bytesOf(packed).slice().buffer);
  const length = all.length / count;
  return Array.from({ length: count }, (_, n) => all.subarray(n * length, (n + 1) * length));
}

function roundStep(span, most) {
  const raw = span / most;
  const power = 10 ** Math.floor(Math.log10(raw));
  return [1, 2, 5, 10].map((m) => m * power).find((step) => step >= raw * 0.999);
}

function ticksOf(axis, low, high, most) {
  if (axis.ticks) return axis.ticks;
  const [from, to] = [Math.min(low, high), Math.max(low, high)];
  if (axis.log) {
    const powers = [];
    for (let n = Math.ceil(Math.log10(from) - 1e-9); n <= Math.floor(Math.log10(to) + 1e-9); n++) powers.push(n);
    const every = Math.ceil(powers.length / most);
    return powers.filter((n) => n % every === 0).map((n) => [10 ** n, n >= -3 && n <= 4 ? String(+(10 ** n).toPrecision(1)) : `1e${n}`]);
  }
  const step = roundStep(to - from, most);
  const ticks = [];
  for (let n = Math.ceil(from / step - 1e-9); n * step <= to + 1e-9 * step; n++) ticks.push([n * step, String(+(n * step).toPrecision(6))]);
  return ticks;
}

// A marker of an area that looks the same whichever it is, around (x, y).
function markerPath(marker, x, y, size) {
  const r = size / 2;
  const polygon = (corners) => "M" + corners.map(([a, b]) => `${x + a},${y + b}`).join("L") + "Z";
  if (marker === "square") return polygon([[-r, -r], [r, -r], [r, r], [-r, r]]);
  if (marker === "diamond") return polygon([[0, -1.3 * r], [1.3 * r, 0], [0, 1.3 * r], [-1.3 * r, 0]]);
  if (marker === "cross") return `M${x - r},${y - r}L${x + r},${y + r}M${x - r},${y + r}L${x + r},${y - r}`;
  if (marker === "star") {
    return polygon(Array.from({ length: 10 }, (_, n) => {
      const [a, length] = [(Math.PI * n) / 5, n % 2 ? 0.6 * r : 1.4 * r];
      return [length * Math.sin(a), -length * Math.cos(a)];
    }));
  }
  return `M${x - r},${y}a${r},${r} 0 1,0 ${size},0a${r},${r} 0 1,0 ${-size},0`;
}

function linePath(xs, ys, toX, toY) {
  let path = "";
  let pen = "M";
  for (let n = 0; n < xs.length; n++) {
    const [x, y] = [toX(xs[n]), toY(ys[n])];
    if (!Number.isFinite(x) || !Number.isFinite(y)) { pen = "M"; continue; }
    path += `${pen}${x.toFixed(1)},${y.toFixed(1)}`;
    pen = "L";
  }
  return path;
}

function legendOf(layers, parent) {
  const legend = make("div", { class: "lv-legend" }, parent);
  const entry = (label, colour, layer) => {
    const one = make("span", { class: "lv-entry" }, legend);
    const svg = make("svg", { width: 26, height: 12, "aria-hidden": "true" }, one);
    if (layer.kind === "points") drawMarkers(make("path", { class: `lv-${colour}` }, svg), { ...layer, size: Math.min(layer.size, 9) }, [13], [6], (v) => v, (v) => v);
    else if (layer.kind !== "bars") make("path", { class: `lv-${colour} lv-line`, d: "M1,6L25,6", "stroke-width": layer.width || 2, "stroke-dasharray": layer.dash || "" }, svg);
    make("span", { text: label }, one);
  };
  for (const layer of layers) {
    if (layer.kind === "map") scaleOf(layer, legend);
    else if (layer.kind.startsWith("person") && !layer.colour) {
      for (const side of ["left", "right"]) entry(`${layer.label} ${side}`.trim(), side, layer);
    } else if (layer.label) entry(layer.label, layer.colour || "ink", layer);
  }
}

// The colours of a map, with the values at their ends.
function scaleOf(layer, parent) {
  const scale = make("span", { class: "lv-entry" }, parent);
  make("span", { text: layer.limits[0] }, scale);
  layer.scale = make("canvas", { class: "lv-scale", width: 256, height: 1 }, scale);
  make("span", { text: layer.limits[1] + (layer.unit ? ` ${layer.unit}` : "") }, scale);
}

function paintCells(canvas, cells, colours) {
  const context = canvas.getContext("2d");
  const pixels = context.createImageData(canvas.width, canvas.height);
  const words = new Uint32Array(pixels.data.buffer);
  cells.forEach((cell, n) => { words[n] = colours[cell]; });
  context.putImageData(pixels, 0, 0);
}

function drawMarkers(path, layer, xs, ys, toX, toY) {
  let d = "";
  for (let n = 0; n < xs.length; n++) {
    const [x, y] = [toX(xs[n]), toY(ys[n])];
    if (Number.isFinite(x) && Number.isFinite(y)) d += markerPath(layer.marker, x, y, layer.size);
  }
  const open = layer.marker === "ring" || layer.marker === "cross" || layer.marker === "diamond";
  path.setAttribute("d", d);
  path.classList.add(open ? "lv-line" : "lv-fill");
  if (open) path.setAttribute("stroke-width", 2);
}

function drawBones(group, bones, place) {
  bones.forEach(([i, j], n) => {
    const [[x1, y1], [x2, y2]] = [place(i), place(j)];
    const seen = [x1, y1, x2, y2].every(Number.isFinite);
    group.children[n].setAttribute("d", seen ? `M${x1.toFixed(1)},${y1.toFixed(1)}L${x2.toFixed(1)},${y2.toFixed(1)}` : "");
  });
}

function makeBones(layer, parent) {
  const group = make("g", { "stroke-width": layer.width, "stroke-dasharray": layer.dash || "", "stroke-linecap": "round" }, parent);
  for (const [, , side] of layer.bones) make("path", { class: `lv-${layer.colour || side} lv-line` }, group);
  return group;
}

class Plot {
  constructor(parent, spec, palettes, ask) {
    Object.assign(this, { spec, palettes, ask, marks: [] });
    this.figure = make("figure", { class: "lv-panel", style: `width:${spec.width}px` }, parent);
    this.title = make("figcaption", { class: "lv-title" }, this.figure);
    this.box = make("div", { class: "lv-box", style: `height:${spec.height}px` }, this.figure);
    this.frame = { ...INSIDE, ...spec.margins, width: spec.width, height: spec.height };
    this.scale();
    this.under = make("div", { class: "lv-under", style: `left:${this.x0}px;top:${this.y1}px;width:${this.x1 - this.x0}px;height:${this.y0 - this.y1}px` }, this.box);
    this.svg = make("svg", { width: spec.width, height: spec.height, "aria-hidden": "true" }, this.box);
    this.drawAxes();
    const clip = `lv-clip-${drawn++}`;
    make("rect", { x: this.x0, y: this.y1, width: this.x1 - this.x0, height: this.y0 - this.y1 }, make("clipPath", { id: clip }, make("defs", {}, this.svg)));
    this.inside = make("g", { "clip-path": `url(#${clip})` }, this.svg);
    for (const layer of spec.layers) this.marks.push(this.makeLayer(layer));
    legendOf(spec.layers, this.figure);
  }

  // The ends of both axes; with one scale for both, one of them shows more than was asked for.
  scale() {
    const { left, right, top, bottom, width, height } = this.frame;
    [this.x0, this.x1, this.y0, this.y1] = [left, width - right, height - bottom, top];
    const ends = this.spec.axes.map((axis) => (axis.log ? [Math.log10(axis.low), Math.log10(axis.high)] : [axis.low, axis.high]));
    if (this.spec.equal) {
      const sizes = [this.x1 - this.x0, this.y0 - this.y1];
      const unit = Math.max(...ends.map(([low, high], n) => Math.abs(high - low) / sizes[n]));
      ends.forEach(([low, high], n) => {
        const [middle, half] = [(low + high) / 2, (Math.sign(high - low) * unit * sizes[n]) / 2];
        ends[n] = [middle - half, middle + half];
      });
    }
    this.ends = ends;
    const [X, Y] = this.spec.axes;
    const at = (axis, [low, high], from, to) => (v) => from + (((axis.log ? Math.log10(v) : v) - low) / (high - low)) * (to - from);
    this.toX = at(X, ends[0], this.x0, this.x1);
    this.toY = at(Y, ends[1], this.y0, this.y1);
    const back = ([low, high], from, to) => (place) => low + ((place - from) / (to - from)) * (high - low);
    this.fromX = back(ends[0], this.x0, this.x1);
    this.fromY = back(ends[1], this.y0, this.y1);
  }

  drawAxes() {
    const [X, Y] = this.spec.axes;
    const real = (axis, n) => this.ends[n].map((end) => (axis.log ? 10 ** end : end));
    const grid = make("g", { class: "lv-grid" }, this.svg);
    const bars = this.spec.layers.find((layer) => layer.kind === "bars");
    const covered = this.spec.layers.some((layer) => layer.kind === "map" || layer.kind === "photo");
    const ticks = make("g", { class: "lv-ticks" }, this.svg);
    for (const [value, text] of ticksOf(X, ...real(X, 0), Math.max(2, Math.floor((this.x1 - this.x0) / 45)))) {
      const x = this.toX(value);
      if (!covered) make("line", { x1: x, x2: x, y1: this.y0, y2: this.y1 }, grid);
      make("text", { x, y: this.y0 + 16, "text-anchor": "middle", text }, ticks);
    }
    const named = bars ? bars.names.map((name, n) => [n, name]) : ticksOf(Y, ...real(Y, 1), Math.max(2, Math.floor((this.y0 - this.y1) / 40)));
    for (const [value, text] of named) {
      const y = this.toY(value);
      if (!bars && !covered) make("line", { x1: this.x0, x2: this.x1, y1: y, y2: y }, grid);
      make("text", { x: this.x0 - 6, y: y + 4, "text-anchor": "end", text }, ticks);
    }
    make("rect", { class: "lv-frame", x: this.x0, y: this.y1, width: this.x1 - this.x0, height: this.y0 - this.y1 }, this.svg);
    make("text", { class: "lv-label", x: (this.x0 + this.x1) / 2, y: this.y0 + 35, "text-anchor": "middle", text: X.label }, this.svg);
    const middle = (this.y0 + this.y1) / 2;
    make("text", { class: "lv-label", x: 13, y: middle, transform: `rotate(-90 13 ${middle})`, "text-anchor": "middle", text: Y.label }, this.svg);
  }

  makeLayer(layer) {
    const colour = `lv-${layer.colour || "ink"}`;
    if (layer.kind === "map") return make("canvas", { class: "lv-map", width: layer.shape[1], height: layer.shape[0] }, this.under);
    if (layer.kind === "photo") return make("img", { class: "lv-photo", alt: "" }, this.under);
    if (layer.kind === "handles") return new Handles(this, layer);
    if (layer.kind === "person") return makeBones(layer, this.inside);
    if (layer.kind === "bars") {
      const group = make("g", {}, this.inside);
      layer.colours.forEach((name) => make("rect", { class: `lv-${name} lv-fill` }, group));
      return group;
    }
    const path = make("path", { class: colour }, this.inside);
    if (layer.kind !== "points") path.classList.add("lv-line");
    path.setAttribute("stroke-width", layer.width || 2);
    if (layer.dash) path.setAttribute("stroke-dasharray", layer.dash);
    return path;
  }

  show(title, numbers, dark) {
    this.title.textContent = title;
    const before = this.dark === dark ? this.numbers : [];
    this.spec.layers.forEach((layer, n) => {
      // handles have moved before the numbers come, and are put back where these say that they stayed
      if (layer.kind === "handles" || !same(numbers[n], before[n])) this.showLayer(layer, this.marks[n], numbers[n], dark);
    });
    [this.numbers, this.dark] = [numbers, dark];
  }

  showLayer(layer, mark, packed, dark) {
    if (layer.kind === "map") return this.showMap(layer, mark, bytesOf(packed), dark);
    if (layer.kind === "photo") return this.showPhoto(layer, mark, rowsOf(packed, 1)[0][0]);
    if (layer.kind === "handles") return mark.show(...rowsOf(packed, 3));
    if (layer.kind === "bars") return this.showBars(mark, rowsOf(packed, 1)[0]);
    const rows = rowsOf(packed, layer.kind === "arrows" ? 4 : 2);
    if (layer.kind === "line") mark.setAttribute("d", linePath(rows[0], rows[1], this.toX, this.toY));
    else if (layer.kind === "points") drawMarkers(mark, layer, rows[0], rows[1], this.toX, this.toY);
    else if (layer.kind === "person") drawBones(mark, layer.bones, (i) => [this.toX(rows[0][i]), this.toY(rows[1][i])]);
    else mark.setAttribute("d", this.arrowPath(rows));
  }

  place(element, left, top, right, bottom) {
    const [x, y] = [this.toX(left), this.toY(top)];
    element.style.cssText = `left:${x - this.x0}px;top:${y - this.y1}px;width:${this.toX(right) - x}px;height:${this.toY(bottom) - y}px`;
  }

  // Cells are squares around whole numbers; the first row of the matrix is where the rows begin.
  showMap(layer, canvas, cells, dark) {
    const [column, row] = layer.corner;
    const [height, width] = layer.shape;
    this.place(canvas, column - 0.5, row - 0.5, column + width - 0.5, row + height - 0.5);
    const colours = this.palettes[layer.palette][dark ? 1 : 0];
    paintCells(canvas, cells, colours);
    if (this.dark !== dark) paintCells(layer.scale, Uint8Array.from({ length: 256 }, (_, n) => n), colours);
  }

  showPhoto(layer, image, index) {
    if (image.dataset.index === String(index)) return;
    image.dataset.index = index;
    image.src = layer.urls[index];
    this.place(image, ...layer.boxes[index]);
  }

  showBars(group, lengths) {
    const thick = Math.abs(this.toY(1) - this.toY(0)) * 0.75;
    lengths.forEach((length, n) => {
      const rect = group.children[n];
      rect.setAttribute("x", this.x0);
      rect.setAttribute("y", this.toY(n) - thick / 2);
      rect.setAttribute("height", thick);
      rect.setAttribute("width", Math.max(0, this.toX(length) - this.x0));
    });
  }

  arrowPath([xs, ys, us, vs]) {
    let d = "";
    for (let n = 0; n < xs.length; n++) {
      const [x, y, tipX, tipY] = [this.toX(xs[n]), this.toY(ys[n]), this.toX(xs[n] + us[n]), this.toY(ys[n] + vs[n])];
      const length = Math.hypot(tipX - x, tipY - y);
      if (!(length > 0.5)) continue;
      const head = Math.min(7, length / 2);
      const [c, s] = [((tipX - x) / length) * head, ((tipY - y) / length) * head];
      const barb = (side) => `M${(tipX - c - side * 0.5 * s).toFixed(1)},${(tipY - s + side * 0.5 * c).toFixed(1)}L${tipX.toFixed(1)},${tipY.toFixed(1)}`;
      d += `M${x.toFixed(1)},${y.toFixed(1)}L${tipX.toFixed(1)},${tipY.toFixed(1)}${barb(1)}${barb(-1)}`;
    }
    return d;
  }
}

// Landmarks that are dragged, clicked, or moved with the keys: arrows move, Enter hides, Page Up and Down go on.
class Handles {
  constructor(plot, layer) {
    Object.assign(this, { plot, layer, at: [] });
    this.buttons = layer.names.map((name, n) => {
      const button = make("button", { class: "lv-handle", type: "button", tabindex: n ? -1 : 0 }, plot.box);
      button.addEventListener("keydown", (event) => this.onKey(event, n));
      button.addEventListener("pointerdown", (event) => this.onDown(event, n));
      button.addEventListener("click", (event) => { if (event.detail === 0) this.press(n); });
      return button;
    });
  }

  show(xs, ys, on) {
    this.buttons.forEach((button, n) => {
      this.at[n] = [xs[n], ys[n]];
      button.style.left = `${this.plot.toX(xs[n])}px`;
      button.style.top = `${this.plot.toY(ys[n])}px`;
      button.hidden = !Number.isFinite(xs[n]);
      button.classList.toggle("lv-off", !on[n]);
      const title = this.layer.names[n] + (on[n] ? "" : ", hidden");
      if (button.title === title) return;
      const does = [this.layer.drags && "arrow keys move it", this.layer.presses && "Enter hides or shows it"].filter(Boolean);
      button.title = title;
      button.setAttribute("aria-label", `${title}: ${does.join(", ")}`);
    });
  }

  move(n, x, y) {
    if (!this.layer.drags) return;
    this.at[n] = [x, y];
    this.plot.ask({ do: "drag", what: this.layer.number, index: n, at: [x, y] });
  }

  press(n) {
    if (this.layer.presses) this.plot.ask({ do: "press", what: this.layer.number, index: n });
  }

  onKey(event, n) {
    const way = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1] }[event.key];
    const next = { PageUp: -1, PageDown: 1 }[event.key];
    if (!way && !next) return;
    event.preventDefault();
    event.stopPropagation();
    if (way) {
      const up = this.plot.ends[1][1] > this.plot.ends[1][0] ? 1 : -1;
      const step = this.layer.step * (event.shiftKey ? 5 : 1);
      return this.move(n, this.at[n][0] + step * way[0], this.at[n][1] + up * step * way[1]);
    }
    let other = n;
    do other = (other + next + this.buttons.length) % this.buttons.length; while (this.buttons[other].hidden);
    this.buttons[n].tabIndex = -1;
    this.buttons[other].tabIndex = 0;
    this.buttons[other].focus();
  }

  onDown(event, n) {
    if (event.button) return;
    const button = this.buttons[n];
    const start = [event.clientX, event.clientY];
    const box = this.plot.box.getBoundingClientRect();
    let moved = false;
    button.setPointerCapture(event.pointerId);
    const onMove = (move) => {
      moved = moved || Math.hypot(move.clientX - start[0], move.clientY - start[1]) > 3;
      if (moved) this.move(n, this.plot.fromX(move.clientX - box.left), this.plot.fromY(move.clientY - box.top));
    };
    const onUp = () => {
      button.removeEventListener("pointermove", onMove);
      if (!moved) this.press(n);
    };
    button.addEventListener("pointermove", onMove);
    button.addEventListener("pointerup", onUp, { once: true });
    button.addEventListener("pointercancel", () => button.removeEventListener("pointermove", onMove), { once: true });
  }
}
