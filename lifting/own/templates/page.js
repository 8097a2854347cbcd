"use strict";
// Draws what the page's data hold. Nothing is computed here but where things are on the screen, and at which time.
const data = JSON.parse(document.getElementById("data").textContent);
const at = id => document.getElementById(id);
const colour = name => getComputedStyle(document.documentElement).getPropertyValue("--" + name).trim();
const FONT = "13px system-ui, sans-serif";
const OVER_A_PICTURE = { left: "#0072b2", right: "#d55e00", middle: "#222222" }; // with a white edge, in both themes
const NINETY = Math.sqrt(4.605); // half of an axis of the ellipse that holds 90 % of a plane's Gaussian, in deviations

// every frame that some person is in, and its row in each person
const frames = [...new Set(data.people.flatMap(person => person.frames))].sort((a, b) => a - b);
const rows = data.people.map(person => new Map(person.frames.map((frame, row) => [frame, row])));
const seconds = frames.map(frame => {
  const n = rows.findIndex(one => one.has(frame));
  return data.people[n].times[rows[n].get(frame)];
});
const state = { now: 0, person: 0, azimuth: 0.6, elevation: 0.25, zoom: 1, playing: false, sure: true };

const pictures = data.pictures.map(([frame, source]) => ({ frame, source, image: null }));
function pictureOf(frame) {
  // the last one that is not after the frame
  let found = null;
  for (const picture of pictures) if (picture.frame <= frame || !found) found = picture;
  if (found && !found.image) {
    found.image = new Image();
    found.image.onload = draw;
    found.image.src = found.source;
  }
  return found;
}

function clear(id) {
  const canvas = at(id), dots = window.devicePixelRatio || 1;
  const width = canvas.clientWidth, height = canvas.clientHeight;
  if (canvas.width !== Math.round(width * dots) || canvas.height !== Math.round(height * dots)) {
    canvas.width = Math.round(width * dots);
    canvas.height = Math.round(height * dots);
  }
  const pen = canvas.getContext("2d");
  pen.setTransform(dots, 0, 0, dots, 0, 0);
  pen.clearRect(0, 0, width, height);
  pen.font = FONT;
  pen.lineCap = "round";
  return { pen, width, height };
}

const rowOf = person => rows[person].get(frames[state.now]);

// ---- what was seen ----

function box() {
  // of the picture; where there is none, of all landmarks
  if (data.pictures.length && data.size) return [0, 0, ...data.size];
  const ends = [Infinity, Infinity, -Infinity, -Infinity];
  for (const person of data.people) for (const [xs, ys] of person.Y) for (let i = 0; i < xs.length; i++) {
    if (xs[i] === null) continue;
    ends[0] = Math.min(ends[0], xs[i]); ends[1] = Math.min(ends[1], -ys[i]);
    ends[2] = Math.max(ends[2], xs[i]); ends[3] = Math.max(ends[3], -ys[i]);
  }
  const room = 0.05 * Math.max(ends[2] - ends[0], ends[3] - ends[1]);
  return [ends[0] - room, ends[1] - room, ends[2] - ends[0] + 2 * room, ends[3] - ends[1] + 2 * room];
}
const frameBox = box();

function drawSeen() {
  const { pen, width, height } = clear("seen");
  const [left, top, wide, high] = frameBox;
  const scale = Math.min(width / wide, height / high);
  const place = (x, y) => [(width - scale * wide) / 2 + scale * (x - left), (height - scale * high) / 2 + scale * (y - top)];
  const picture = pictureOf(frames[state.now]);
  if (picture && picture.image.complete) pen.drawImage(picture.image, ...place(-0.5, -0.5), scale * wide, scale * high);
  at("picture").textContent = picture && picture.frame !== frames[state.now] ? ` The picture is frame ${picture.frame}'s.` : "";
  data.people.forEach((person, n) => {
    const row = rowOf(n);
    if (row === undefined) return;
    const [xs, ys] = person.Y[row];
    const points = xs.map((x, i) => x === null ? null : place(x, -ys[i]));
    pen.globalAlpha = n === state.person ? 1 : 0.45;
    const depth = points.map(() => 0);
    bones(pen, points, depth, picture ? OVER_A_PICTURE : null);
    pen.globalAlpha = 1;
  });
}

function bonesBetween(points) {
  // a missing landmark of the trunk, such as a spine, is bridged; a missing one of a limb is not
  let found = data.bones;
  points.forEach((point, i) => {
    const touching = found.filter(bone => bone.includes(i));
    if (point || data.sides[i] !== "middle" || touching.length !== 2) return;
    const ends = touching.map(([a, b]) => a === i ? b : a);
    found = [...found.filter(bone => !touching.includes(bone)), ends];
  });
  return found.filter(([i, j]) => points[i] && points[j]);
}

function bones(pen, points, depth, inks) {
  const ink = i => inks ? inks[data.sides[i]] : colour(data.sides[i]);
  const middle = ([i, j]) => depth[i] + depth[j];
  const order = bonesBetween(points).sort((a, b) => middle(a) - middle(b)); // what is far away first
  for (const [i, j] of order) {
    for (const [style, thick] of inks ? [["#ffffff", 6], [null, 3]] : [[null, 4]]) {
      pen.strokeStyle = style || ink(j);
      pen.lineWidth = thick;
      pen.beginPath();
      pen.moveTo(...points[i]);
      pen.lineTo(...points[j]);
      pen.stroke();
    }
  }
  points.forEach((point, i) => {
    if (!point) return;
    pen.fillStyle = ink(i);
    pen.beginPath();
    pen.arc(...point, 4, 0, 2 * Math.PI);
    pen.fill();
  });
}

// ---- in space ----

// The rows of the turned axes: right, up, towards the viewer. Azimuth counts from the camera's view towards +x.
function view() {
  const [c, s, C, S] = [Math.cos(state.azimuth), Math.sin(state.azimuth), Math.cos(state.elevation), Math.sin(state.elevation)];
  return [[c, 0, -s], [-s * S, C, -c * S], [s * C, S, c * C]];
}
const dot = (a, b) => a[0] * b[0] + a[1] * b[1] + a[2] * b[2];

const columns = ([xs, ys, zs]) => xs.map((x, i) => [x, ys[i], zs[i]]);

function drawSpace() {
  const { pen, width, height } = clear("space");
  const person = data.people[state.person], row = rowOf(state.person), R = view();
  const scale = state.zoom * Math.min(width, height) / 2.3;
  const place = point => [width / 2 + scale * dot(R[0], point), height / 2 - scale * dot(R[1], point)];
  const pose = row === undefined ? null : person.pose[row];
  const lifted = pose && pose[0][0] !== null;
  const floor = lifted ? Math.min(...pose[1]) : -0.9;
  pen.strokeStyle = colour("grid");
  pen.lineWidth = 1;
  for (let n = -2; n <= 2; n++) {
    for (const ends of [[[n / 2, floor, -1], [n / 2, floor, 1]], [[-1, floor, n / 2], [1, floor, n / 2]]]) {
      pen.beginPath();
      pen.moveTo(...place(ends[0]));
      pen.lineTo(...place(ends[1]));
      pen.stroke();
    }
  }
  pen.fillStyle = colour("faint");
  pen.textAlign = "center";
  pen.fillText("camera", ...place([0, floor, 1.12]));
  pen.textAlign = "left";
  const degrees = angle => Math.round(angle * 180 / Math.PI);
  at("view").textContent = `Seen from ${((degrees(state.azimuth) % 360) + 360) % 360}\u00b0 around, ${degrees(state.elevation)}\u00b0 up.`;
  if (!lifted) {
    pen.fillText(row === undefined ? "This person is not in this frame." : "This frame could not be lifted.", 12, 22);
    return;
  }
  const points = columns(pose);
  if (state.sure && person.covariance) ellipses(pen, columns(person.mean[row]).map(place), person.covariance[row], R, scale);
  bones(pen, points.map(place), points.map(point => dot(R[2], point)), null);
}

function ellipses(pen, places, covariances, R, scale) {
  covariances.forEach((six, i) => {
    const [xx, xy, xz, yy, yz, zz] = six;
    const C = [[xx, xy, xz], [xy, yy, yz], [xz, yz, zz]];
    const between = (a, b) => dot(a, C.map(line => dot(line, b)));
    const [A, B, D] = [between(R[0], R[0]), between(R[0], R[1]), between(R[1], R[1])];
    const middle = (A + D) / 2, half = Math.hypot((A - D) / 2, B);
    const radii = [middle + half, middle - half].map(value => NINETY * scale * Math.sqrt(Math.max(value, 0)));
    pen.fillStyle = colour(data.sides[i]);
    pen.globalAlpha = 0.16;
    pen.beginPath();
    pen.ellipse(...places[i], radii[0], radii[1], -Math.atan2(2 * B, A - D) / 2, 0, 2 * Math.PI);
    pen.fill();
    pen.globalAlpha = 1;
  });
}

// ---- over time ----

const MARGIN = { left: 52, right: 14 };
function drawCurves() {
  const { pen, width, height } = clear("curves");
  const person = data.people[state.person];
  const mean = all => {
    const values = all.filter(value => value > 0);
    return values.reduce((sum, value) => sum + value, 0) / Math.max(values.length, 1);
  };
  const confidence = person.confidences.map(mean);
  const values = person.misfit.filter(value => value !== null);
  const low = Math.min(0.1, ...values), high = Math.max(10 * data.poor / 3, ...values);
  const span = [seconds[0], seconds[seconds.length - 1]];
  const x = t => MARGIN.left + (width - MARGIN.left - MARGIN.right) * (span[1] > span[0] ? (t - span[0]) / (span[1] - span[0]) : 0.5);
  const logarithm = value => Math.log(Math.max(value, low) / low) / Math.log(high / low);
  const strips = [
    { name: "misfit", top: 20, high: 56, to: logarithm, marks: [low, 1, data.poor, high], of: person.misfit, ink: "curve" },
    { name: "confidence", top: 100, high: 40, to: value => value / Math.max(1, ...confidence), marks: [0, 1], of: confidence, ink: "left" },
  ];
  for (const strip of strips) {
    const y = value => strip.top + strip.high * (1 - strip.to(value));
    let last = Infinity;
    for (const mark of strip.marks) {
      pen.strokeStyle = colour(mark === data.poor && strip.name === "misfit" ? "poor" : "grid");
      pen.setLineDash(mark === data.poor && strip.name === "misfit" ? [6, 4] : []);
      pen.lineWidth = 1;
      pen.beginPath();
      pen.moveTo(MARGIN.left, y(mark));
      pen.lineTo(width - MARGIN.right, y(mark));
      pen.stroke();
      pen.setLineDash([]);
      pen.fillStyle = colour("faint");
      pen.textAlign = "right";
      if (last - y(mark) > 12) { pen.fillText(Number(mark.toPrecision(2)).toString(), MARGIN.left - 6, y(mark) + 4); last = y(mark); }
    }
    pen.textAlign = "left";
    pen.fillText(strip.name, MARGIN.left, strip.top - 7);
    pen.strokeStyle = colour(strip.ink);
    pen.lineWidth = 1.5;
    pen.beginPath();
    let drawing = false;
    strip.of.forEach((value, row) => {
      if (value === null) { drawing = false; return; }
      pen[drawing ? "lineTo" : "moveTo"](x(person.times[row]), y(value));
      drawing = true;
    });
    pen.stroke();
  }
  pen.strokeStyle = colour("text");
  pen.lineWidth = 1;
  pen.beginPath();
  pen.moveTo(x(seconds[state.now]), 8);
  pen.lineTo(x(seconds[state.now]), 142);
  pen.stroke();
  pen.fillStyle = colour("faint");
  pen.fillText(`${span[0].toFixed(2)} s`, MARGIN.left, height - 5);
  pen.textAlign = "right";
  pen.fillText(`time ${span[1].toFixed(2)} s`, width - MARGIN.right, height - 5);
}

function goToPlace(event) {
  const area = at("curves").getBoundingClientRect();
  const share = (event.clientX - area.left - MARGIN.left) / (area.width - MARGIN.left - MARGIN.right);
  const wanted = seconds[0] + share * (seconds[seconds.length - 1] - seconds[0]);
  let best = 0;
  seconds.forEach((t, n) => { if (Math.abs(t - wanted) < Math.abs(seconds[best] - wanted)) best = n; });
  go(best);
}

// ---- words ----

function tell() {
  const person = data.people[state.person], row = rowOf(state.person), frame = frames[state.now];
  let words = `Frame ${frame}, ${seconds[state.now].toFixed(2)} s. `;
  let poor = false;
  if (row === undefined) words += `Person ${person.name} is not in it.`;
  else {
    const count = person.confidences[row].filter(value => value > 0).length;
    words += `${count} of ${data.landmarks.length} landmarks seen. `;
    const misfit = person.misfit[row];
    poor = misfit !== null && misfit > data.poor;
    words += misfit === null ? "It could not be lifted." : `Misfit ${misfit.toPrecision(2)}${poor ? ": fits poorly" : ""}.`;
  }
  at("now").textContent = words;
  at("now").classList.toggle("poor", poor);
  at("seen").setAttribute("aria-label", `Landmarks as they were seen. ${words}`);
}

function draw() {
  drawSeen();
  drawSpace();
  if (frames.length > 1) drawCurves();
}

function go(frame) {
  state.now = Math.min(Math.max(frame, 0), frames.length - 1);
  at("time").value = state.now;
  tell();
  draw();
}

// ---- mouse and keys ----

let since = 0;
function step(time) {
  if (!state.playing) return;
  const passed = (time - since) / 1000 * Number(at("speed").value);
  let next = state.now;
  while (next + 1 < frames.length && seconds[next + 1] - seconds[state.now] <= passed) next++;
  if (next !== state.now) { since = time; go(next); }
  else if (state.now === frames.length - 1 && passed > 0.5) { since = time; go(0); }
  requestAnimationFrame(step);
}
function play() {
  state.playing = !state.playing;
  at("play").textContent = state.playing ? "Pause" : "Play";
  at("play").setAttribute("aria-label", at("play").textContent);
  since = performance.now();
  requestAnimationFrame(step);
}
function turnTo(azimuth, elevation) {
  [state.azimuth, state.elevation] = [azimuth, Math.min(Math.max(elevation, -Math.PI / 2), Math.PI / 2)];
  drawSpace();
}
function showSure(on) {
  state.sure = at("sure").checked = on;
  drawSpace();
}

const space = at("space");
space.addEventListener("pointerdown", event => space.setPointerCapture(event.pointerId));
space.addEventListener("pointermove", event => {
  if (event.buttons) turnTo(state.azimuth - event.movementX / 150, state.elevation + event.movementY / 150);
});
space.addEventListener("wheel", event => {
  event.preventDefault();
  state.zoom = Math.min(Math.max(state.zoom * Math.exp(-event.deltaY / 800), 0.3), 6);
  drawSpace();
}, { passive: false });
at("curves").addEventListener("pointerdown", goToPlace);
at("curves").addEventListener("pointermove", event => { if (event.buttons) goToPlace(event); });
at("time").addEventListener("input", () => go(Number(at("time").value)));
at("play").addEventListener("click", play);
at("camera").addEventListener("click", () => turnTo(0, 0));
at("side").addEventListener("click", () => turnTo(Math.PI / 2, 0));
at("sure").addEventListener("change", () => showSure(at("sure").checked));
at("person").addEventListener("change", () => choose(Number(at("person").value)));

const turns = { ArrowLeft: [0.1, 0], ArrowRight: [-0.1, 0], ArrowUp: [0, 0.1], ArrowDown: [0, -0.1] };
document.addEventListener("keydown", event => {
  if (event.ctrlKey || event.altKey || event.metaKey || event.target.tagName === "SELECT") return;
  const key = event.key.length === 1 ? event.key.toLowerCase() : event.key;
  if (event.target === space && turns[key]) turnTo(state.azimuth + turns[key][0], state.elevation + turns[key][1]);
  else if (event.target === at("time") && key !== " ") return; // the slider has its own
  else if (key === "ArrowLeft") go(state.now - 1);
  else if (key === "ArrowRight") go(state.now + 1);
  else if (key === "Home") go(0);
  else if (key === "End") go(frames.length - 1);
  else if (key === " " && !["BUTTON", "INPUT"].includes(event.target.tagName) || key === " " && event.target === at("time")) play();
  else if (key === "c") turnTo(0, 0);
  else if (key === "s") turnTo(Math.PI / 2, 0);
  else if (key === "u") showSure(!state.sure);
  else return;
  event.preventDefault();
});

function choose(person) {
  state.person = person;
  const notes = data.people[person].notes.map(note => {
    const item = document.createElement("li");
    item.textContent = note;
    return item;
  });
  at("notes").replaceChildren(...notes);
  at("sure-label").hidden = !data.people[person].covariance;
  tell();
  draw();
}

const plural = (count, word, many) => `${count} ${count === 1 ? word : many}`;
at("recognised").textContent = [data.recognised, plural(data.people.length, "person", "people"),
  plural(frames.length, "frame", "frames") + (data.every > 1 ? ` (every ${data.every}th shown)` : "")].filter(Boolean).join(", ");
data.people.forEach((person, n) => at("person").add(new Option(person.name, n)));
at("time").max = frames.length - 1;
for (const id of ["play", "time", "speed-label", "curves-box"]) at(id).hidden = frames.length === 1;
at("person").parentElement.hidden = data.people.length === 1;
new ResizeObserver(draw).observe(at("space"));
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", draw);
choose(0);
