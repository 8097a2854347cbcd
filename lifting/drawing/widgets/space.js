// A cube that the mouse turns, or the arrow keys; x to the right, y up, z towards the camera.

class Space {
  constructor(parent, spec) {
    Object.assign(this, { spec, azimuth: spec.azimuth, elevation: spec.elevation, numbers: [], marks: [] });
    this.figure = make("figure", { class: "lv-panel", style: `width:${spec.width}px` }, parent);
    this.title = make("figcaption", { class: "lv-title" }, this.figure);
    this.box = make("div", { class: "lv-box", style: `height:${spec.height}px` }, this.figure);
    this.svg = make("svg", { class: "lv-space", width: spec.width, height: spec.height, tabindex: 0, role: "img" }, this.box);
    this.svg.setAttribute("aria-label", "Poses in 3D: the mouse or the arrow keys turn them, Home turns them back");
    this.grid = make("path", { class: "lv-cube" }, this.svg);
    this.texts = spec.axes.map(() => [0, 1, 2].map(() => make("text", { "text-anchor": "middle", class: "lv-ticks" }, this.svg)));
    for (const layer of spec.layers) this.marks.push(makeBones(layer, this.svg));
    legendOf(spec.layers, this.figure);
    this.drawCube();
    this.svg.addEventListener("pointerdown", (event) => this.onDown(event));
    this.svg.addEventListener("keydown", (event) => this.onKey(event));
  }

  show(title, numbers) {
    this.title.textContent = title;
    this.numbers = numbers.map((packed) => rowsOf(packed, 3));
    this.drawPeople();
  }

  // The point of the screen where (x, y, z) is seen, and how near it is.
  place(x, y, z) {
    const [a, e] = [(this.azimuth * Math.PI) / 180, (this.elevation * Math.PI) / 180];
    const across = x * Math.cos(a) - z * Math.sin(a);
    const along = x * Math.sin(a) + z * Math.cos(a);
    const unit = (Math.min(this.spec.width, this.spec.height) - 84) / (2.3 * this.spec.axes[0].high);
    const up = y * Math.cos(e) - along * Math.sin(e);
    return [this.spec.width / 2 + unit * across, this.spec.height / 2 - 10 - unit * up, along * Math.cos(e) + y * Math.sin(e)];
  }

  turn(azimuth, elevation) {
    this.azimuth = ((azimuth + 540) % 360) - 180;
    this.elevation = Math.max(-89, Math.min(89, elevation));
    this.draw();
  }

  draw() {
    this.drawCube();
    this.drawPeople();
  }

  drawPeople() {
    this.spec.layers.forEach((layer, n) => {
      const [x, y, z] = this.numbers[n];
      drawBones(this.marks[n], layer.bones, (i) => this.place(x[i], y[i], z[i]));
    });
  }

  // The floor, and one upright edge at its left; names stand outside the edges of the floor that are nearest.
  drawCube() {
    const r = this.spec.axes[0].high;
    const floor = this.elevation < 0 ? r : -r;
    const corners = [[-r, -r], [r, -r], [r, r], [-r, r]];
    let d = "";
    const segment = (from, to) => {
      const [[x1, y1], [x2, y2]] = [this.place(...from), this.place(...to)];
      d += `M${x1.toFixed(1)},${y1.toFixed(1)}L${x2.toFixed(1)},${y2.toFixed(1)}`;
    };
    for (let n = -2; n <= 2; n++) {
      segment([-r, floor, (n * r) / 2], [r, floor, (n * r) / 2]);
      segment([(n * r) / 2, floor, -r], [(n * r) / 2, floor, r]);
    }
    const seen = corners.map(([x, z]) => this.place(x, floor, z));
    const left = seen.reduce((best, place, n) => (place[0] < seen[best][0] ? n : best), 0);
    const [cornerX, cornerZ] = corners[left];
    segment([cornerX, -r, cornerZ], [cornerX, r, cornerZ]);
    this.grid.setAttribute("d", d);
    const near = (edge) => (this.place(...edge(1))[2] > this.place(...edge(-1))[2] ? 1 : -1);
    const frontZ = near((side) => [0, floor, side * r]);
    const frontX = near((side) => [side * r, floor, 0]);
    this.write(0, (v) => [v, floor, frontZ * r], (v) => [v, floor, 0]);
    this.write(2, (v) => [frontX * r, floor, v], (v) => [0, floor, v]);
    this.write(1, (v) => [cornerX, v, cornerZ], (v) => [0, v, 0]);
  }

  // The ends and the name of an axis, on the far side of its edge as seen from the middle; nothing where it is seen end-on.
  write(n, edge, inner) {
    const { label, high } = this.spec.axes[n];
    const [from, to] = [this.place(...edge(-high)), this.place(...edge(high))];
    const length = Math.hypot(to[0] - from[0], to[1] - from[1]);
    const value = +(high * 0.8).toPrecision(1);
    [[-value, String(-value), 12], [0, label, 28], [value, String(value), 12]].forEach(([v, text, away], m) => {
      const [[x, y], [mx, my]] = [this.place(...edge(v)), this.place(...inner(v))];
      const far = Math.hypot(x - mx, y - my) || 1;
      const element = this.texts[n][m];
      const [tx, ty] = [x + ((x - mx) / far) * away, y + ((y - my) / far) * away];
      element.textContent = length < 40 ? "" : text;
      element.setAttribute("transform", m === 1 && n === 1 ? `translate(${x - 16} ${y}) rotate(-90)` : `translate(${tx} ${ty + 4})`);
    });
    this.keepInside(n);
  }

  keepInside(n) {
    const text = this.texts[n][1];
    if (n === 1 || !text.textContent) return;
    const [, x, y] = text.getAttribute("transform").match(/\(([^ ]+) ([^)]+)\)/);
    const half = 3.4 * text.textContent.length;
    const inside = Math.max(half, Math.min(this.spec.width - half, +x));
    text.setAttribute("transform", `translate(${inside} ${Math.min(this.spec.height - 4, +y)})`);
  }

  onDown(event) {
    if (event.button) return;
    event.preventDefault();
    this.svg.focus({ preventScroll: true });
    this.svg.setPointerCapture(event.pointerId);
    const [x, y, azimuth, elevation] = [event.clientX, event.clientY, this.azimuth, this.elevation];
    const onMove = (move) => this.turn(azimuth - (move.clientX - x) / 2, elevation + (move.clientY - y) / 2);
    const done = () => this.svg.removeEventListener("pointermove", onMove);
    this.svg.addEventListener("pointermove", onMove);
    this.svg.addEventListener("pointerup", done, { once: true });
    this.svg.addEventListener("pointercancel", done, { once: true });
  }

  onKey(event) {
    const way = { ArrowLeft: [-10, 0], ArrowRight: [10, 0], ArrowUp: [0, 10], ArrowDown: [0, -10] }[event.key];
    if (!way && event.key !== "Home") return;
    event.preventDefault();
    event.stopPropagation();
    if (way) this.turn(this.azimuth + way[0], this.elevation + way[1]);
    else this.turn(this.spec.azimuth, this.spec.elevation);
  }
}
