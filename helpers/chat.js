// The front end of helpers.conversation.Conversation: what was said, and a field to say more. It asks no other host for
// anything, and shows whatever was said as text, never as markup.
//
// In: finished and live (turns), status, question, preview (a data URL of the picture attached). A turn is {id, asked,
// question, preview, summary, reasoning, answer, note, error}.
// Out: the messages {do: "ask", question} and {do: "stop"}; picture (the bytes of a file), picture_name.

const LARGEST = 8_000_000; // bytes: Jupyter's servers close a connection that brings a message of 10 MB

const element = (tag, properties = {}, ...children) => {
  const node = Object.assign(document.createElement(tag), properties);
  node.append(...children);
  return node;
};

/** Show a PNG that the kernel made of a picture, and nothing else that may stand there. */
function showImage(node, url, alt) {
  node.hidden = !url.startsWith("data:image/png;base64,");
  if (!node.hidden && node.src !== url) Object.assign(node, { src: url, alt });
}

/** The nodes of one turn, and what shows a newer state of it. The fold stays as the reader has left it. */
function newTurn() {
  const part = (tag, name) => element(tag, { className: `course-${name}` });
  const asked = element("strong");
  const question = element("span");
  const image = element("img");
  const summary = element("summary");
  const reasoning = part("p", "reasoning");
  const fold = element("details", {}, summary, reasoning);
  const [answer, error, note] = [part("p", "said"), part("p", "error"), part("p", "note")];
  const said = element("p", {}, asked, question);
  const root = element("article", { className: "course-turn" }, said, image, fold, answer, error, note);
  const put = (node, text) => node.textContent !== text && (node.textContent = text);
  const show = (turn) => {
    put(asked, `${turn.asked} `);
    put(question, turn.question);
    showImage(image, turn.preview, "The picture shown with the question");
    put(summary, turn.summary);
    put(reasoning, turn.reasoning);
    put(answer, turn.answer);
    put(error, turn.error);
    put(note, turn.note);
    fold.hidden = !turn.reasoning;
    for (const node of [answer, error, note]) node.hidden = !node.textContent;
  };
  return { root, show };
}

function render({ model, el }) {
  const turns = new Map();
  const log = element("div", { className: "course-turns" });
  const showTurns = () => {
    const live = model.get("live");
    const all = [...model.get("finished"), ...(live.id ? [live] : [])];
    for (const turn of all) {
      if (!turns.has(turn.id)) {
        turns.set(turn.id, newTurn());
        log.append(turns.get(turn.id).root);
      }
      turns.get(turn.id).show(turn);
    }
    const ids = new Set(all.map((turn) => turn.id));
    for (const [id, turn] of turns) if (!ids.has(id)) turn.root.remove(), turns.delete(id);
  };

  const field = element("textarea", { rows: 4 });
  const ask = element("button", { type: "button", textContent: "Ask" });
  const stop = element("button", { type: "button", textContent: "Stop" });
  ask.onclick = () => {
    model.send({ do: "ask", question: field.value });
    field.select(); // the next question replaces this one; the same can be asked of another model
  };
  stop.onclick = () => model.send({ do: "stop" });
  field.onkeydown = (event) => {
    if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
    event.preventDefault();
    ask.click();
  };
  const showQuestion = () => (field.value = model.get("question"));

  const status = element("p", { className: "course-status" });
  status.setAttribute("role", "status");
  const showStatus = () => (status.textContent = model.get("status"));

  const file = element("input", { type: "file", accept: "image/*" });
  const attach = async () => {
    const [chosen] = file.files;
    if (chosen && chosen.size > LARGEST) {
      file.value = "";
      model.set("status", `${chosen.name} is larger than ${LARGEST / 1e6} MB. Save it smaller.`);
    } else {
      const data = chosen ? await chosen.arrayBuffer() : new ArrayBuffer(0);
      model.set({ picture_name: chosen?.name ?? "", picture: new DataView(data) });
    }
    model.save_changes();
  };
  file.onchange = attach;
  const showPicture = () => model.get("picture").byteLength || (file.value = ""); // refused: then it is not attached
  const preview = element("img");
  const showPreview = () => showImage(preview, model.get("preview"), "The picture that goes with the next question");
  const remove = element("button", { type: "button", textContent: "Remove picture" });
  remove.onclick = () => ((file.value = ""), attach());

  const listeners = {
    "change:finished": showTurns, "change:live": showTurns, "change:status": showStatus,
    "change:question": showQuestion, "change:picture": showPicture, "change:preview": showPreview,
  };
  for (const [event, listener] of Object.entries(listeners)) model.on(event, listener);
  for (const show of [showTurns, showQuestion, showStatus, showPreview]) show();
  const root = element(
    "div",
    { className: "course-conversation" },
    log,
    element("label", {}, "Question (Enter asks, Shift+Enter begins a new line)", field),
    element("div", {}, ask, stop, element("label", {}, "Picture ", file), remove),
    preview,
    status,
  );
  root.dataset.lmSuppressShortcuts = "true"; // JupyterLab must not take the keys that are meant for the field
  el.append(root);
  return () => {
    for (const [event, listener] of Object.entries(listeners)) model.off(event, listener);
  };
}

export default { render };
