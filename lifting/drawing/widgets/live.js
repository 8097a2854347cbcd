// The numbers come from the kernel. One move is under way at a time: those made meanwhile are sent together.

const PATIENCE = 15000;

function render({ model, el }) {
  const id = Math.random().toString(36).slice(2);
  let sent = 0;
  let waiting = false;
  let queue = [];
  let timer = null;

  function send() {
    waiting = true;
    model.send({ requests: queue, mark: [id, ++sent] });
    queue = [];
    clearTimeout(timer);
    timer = setTimeout(() => { waiting = false; view.say("The kernel doesn't answer: run this cell again."); }, PATIENCE);
  }

  function ask(request) {
    const last = queue[queue.length - 1];
    const same = last && ["do", "what"].every((key) => last[key] === request[key]) && (request.do === "set" || (request.do === "drag" && last.index === request.index));
    if (same) queue.pop();
    queue.push(request);
    if (!waiting) send();
  }

  const view = liftingView(el, JSON.parse(JSON.stringify(model.get("scene"))), ask);
  function show() {
    const state = model.get("state");
    const [who, number] = state.answered;
    if (who === id && number === sent) {
      waiting = false;
      clearTimeout(timer);
      if (queue.length) send();
    }
    view.show(state, !waiting);
  }
  model.on("change:state", show);
  show();
  el.liftingView = view;
  return () => { model.off("change:state", show); clearTimeout(timer); view.close(); };
}

export default { render };
