// The numbers come from moves that were recorded: one control at a time is away from its start.

const NOTE = "Recorded moves: one control at a time. Where a kernel runs, all move together, and landmarks are dragged.";

function startRecorded(root) {
  const { scene, start, moves } = JSON.parse(root.querySelector("script").textContent);
  const home = { ...start, message: "" };
  function ask(request) {
    if (request.do !== "set") return view.show(home, true);
    const move = moves[request.what][request.index];
    const numbers = start.numbers.map((packed, n) => move.numbers[n] ?? packed);
    const text = scene.controls.find((control) => control.name === request.what).texts[request.index];
    view.show({ ...home, ...move, numbers, controls: { ...start.controls, [request.what]: [request.index, text] } }, true);
  }
  const view = liftingView(root, scene, ask);
  view.body.classList.add("lv-recorded");
  make("div", { class: "lv-note", text: NOTE }, view.body);
  view.show(home, true);
  root.liftingView = view;
}

function startAll() {
  document.querySelectorAll(".lifting-moves").forEach((root) => { if (!root.liftingView) startRecorded(root); });
}

if (document.readyState === "loading") document.addEventListener("DOMContentLoaded", startAll);
else startAll();
