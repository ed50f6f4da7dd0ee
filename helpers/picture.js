// The front end of helpers.widgets.PictureInput: draw, paste, drop or choose a picture. It asks no other host for anything.
//
// In: colours {name: css colour}, status (shown as text). Out: data (the bytes of an image file), name.

const SIDE = 384; // pixels of the drawing, whatever its size on the screen
const STEP = 16; // pixels that an arrow key moves the cross; with Shift one
const LARGEST = 8_000_000; // bytes: Jupyter's servers close a connection that brings a message of 10 MB

const element = (tag, properties = {}, ...children) => {
  const node = Object.assign(document.createElement(tag), properties);
  node.append(...children);
  return node;
};

const select = (label, options) => {
  const list = element("select", {}, ...options.map(([text, value]) => new Option(text, value)));
  return [list, element("label", {}, `${label} `, list)];
};

/** A picture too large for one message, scaled down to what the course works with; null where it cannot be read. */
async function shrunk(file) {
  const bitmap = await createImageBitmap(file).catch(() => null);
  if (!bitmap) return null;
  const scale = Math.min(1, 2048 / Math.max(bitmap.width, bitmap.height));
  const canvas = element("canvas", { width: bitmap.width * scale, height: bitmap.height * scale });
  canvas.getContext("2d").drawImage(bitmap, 0, 0, canvas.width, canvas.height);
  return new Promise((done) => canvas.toBlob(done, "image/jpeg", 0.95));
}

function render({ model, el }) {
  const say = (text) => {
    model.set("status", text);
    model.save_changes();
  };

  async function send(file, name) {
    const data = file.size > LARGEST ? await shrunk(file) : file;
    if (!data) return say(`${name} is larger than ${LARGEST / 1e6} MB and cannot be scaled down here. Save it smaller.`);
    model.set({ name, data: new DataView(await data.arrayBuffer()) });
    model.save_changes();
  }

  // Drawing: strokes are kept, so that one can be taken back. A stroke is {colour, filled, points: [[x, y], …]}.
  const canvas = element("canvas", { width: SIDE, height: SIDE, tabIndex: 0, className: "course-canvas" });
  canvas.setAttribute("role", "application");
  canvas.setAttribute("aria-label", "Drawing area");
  const brush = canvas.getContext("2d");
  const cross = { x: SIDE / 2, y: SIDE / 2 };
  let strokes = [];
  let stroke = null;

  const [colour, colourLabel] = select("Colour", Object.entries(model.get("colours")));
  const [tool, toolLabel] = select("Tool", [["filled shape", "filled"], ["pen", "pen"]]);
  const [ground, groundLabel] = select("Background", Object.entries(model.get("backgrounds")));

  function paint(withCross) {
    brush.fillStyle = ground.value;
    brush.fillRect(0, 0, SIDE, SIDE);
    brush.lineCap = brush.lineJoin = "round";
    brush.lineWidth = SIDE / 24;
    for (const { colour, filled, points } of stroke ? [...strokes, stroke] : strokes) {
      brush.strokeStyle = brush.fillStyle = colour;
      brush.beginPath();
      points.forEach(([x, y]) => brush.lineTo(x, y));
      if (points.length === 1) brush.lineTo(points[0][0] + 0.1, points[0][1]); // a dot
      if (filled) brush.closePath(), brush.fill();
      brush.stroke();
    }
    if (!withCross) return;
    for (const [style, width] of [["#fff", 5], ["#000", 1]]) {
      brush.strokeStyle = style;
      brush.lineWidth = width;
      brush.beginPath();
      brush.moveTo(cross.x - 12, cross.y), brush.lineTo(cross.x + 12, cross.y);
      brush.moveTo(cross.x, cross.y - 12), brush.lineTo(cross.x, cross.y + 12);
      brush.stroke();
    }
  }

  const begin = (x, y) => (stroke = { colour: colour.value, filled: tool.value === "filled", points: [[x, y]] });
  const sendDrawing = () => {
    file.value = ""; // the picture is no longer the chosen file, which may then be chosen again
    paint(false);
    canvas.toBlob((blob) => send(blob, "your drawing"), "image/png");
  };
  const finish = () => {
    if (!stroke) return;
    strokes.push(stroke);
    stroke = null;
    sendDrawing();
  };

  const spot = (event) => {
    const box = canvas.getBoundingClientRect();
    return [((event.clientX - box.left) / box.width) * SIDE, ((event.clientY - box.top) / box.height) * SIDE];
  };
  canvas.onpointerdown = (event) => {
    canvas.setPointerCapture(event.pointerId);
    begin(...spot(event));
    paint(false);
  };
  canvas.onpointermove = (event) => {
    if (!stroke || !canvas.hasPointerCapture(event.pointerId)) return;
    stroke.points.push(spot(event));
    paint(false);
  };
  canvas.onpointerup = canvas.onpointercancel = finish;

  const MOVES = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
  canvas.onkeydown = (event) => {
    if (event.key === " ") {
      stroke ? finish() : begin(cross.x, cross.y);
    } else if (event.key in MOVES) {
      const by = event.shiftKey ? 1 : STEP;
      const [dx, dy] = MOVES[event.key];
      cross.x = Math.min(SIDE, Math.max(0, cross.x + dx * by));
      cross.y = Math.min(SIDE, Math.max(0, cross.y + dy * by));
      if (stroke) stroke.points.push([cross.x, cross.y]);
    } else return;
    event.preventDefault();
    paint(true);
  };
  canvas.onblur = () => (finish(), paint(false));
  ground.onchange = () => (paint(false), strokes.length && sendDrawing());

  const undo = element("button", { type: "button", textContent: "Undo" });
  undo.onclick = () => (strokes.pop(), sendDrawing());
  const clear = element("button", { type: "button", textContent: "Clear" });
  clear.onclick = () => {
    strokes = [];
    file.value = "";
    paint(false);
    model.set({ name: "", data: new DataView(new ArrayBuffer(0)) });
    model.save_changes();
  };

  // Files and the clipboard
  const file = element("input", { type: "file", accept: "image/*" });
  file.onchange = () => file.files.length && send(file.files[0], file.files[0].name);
  const paste = element("button", { type: "button", textContent: "Paste" });
  const manual = "click the drawing area and press Ctrl+V (⌘V on a Mac).";
  paste.onclick = async () => {
    try {
      for (const item of await navigator.clipboard.read()) {
        const type = item.types.find((name) => name.startsWith("image/"));
        if (type) return send(await item.getType(type), "the pasted picture");
      }
      say("There is no picture in the clipboard. Copy one, then paste again.");
    } catch {
      say(`The browser does not let this page read the clipboard: ${manual}`);
    }
  };

  const help =
    "Draw with mouse, finger or pen. By keyboard: arrow keys move the cross (Shift: small steps), Space puts the pen " +
    "down and lifts it. Pictures can also be dropped here, or pasted with Ctrl+V (⌘V).";
  const hint = element("p", { textContent: help, id: `hint-${Math.random().toString(36).slice(2)}` });
  canvas.setAttribute("aria-describedby", hint.id);
  const status = element("p", { className: "course-status" });
  status.setAttribute("role", "status");
  const showStatus = () => (status.textContent = model.get("status"));
  model.on("change:status", showStatus);

  const root = element(
    "div",
    { className: "course-picture" },
    element("div", {}, element("label", {}, "Picture file ", file), paste),
    element("div", {}, toolLabel, colourLabel, groundLabel, undo, clear),
    canvas,
    hint,
    status,
  );
  root.dataset.lmSuppressShortcuts = "true"; // JupyterLab must not take the keys that are meant for the canvas
  const take = (event, transfer) => {
    event.preventDefault();
    event.stopPropagation();
    const found = [...transfer.files].find((item) => item.type.startsWith("image/")) ?? transfer.files[0];
    found ? send(found, found.name) : say("That holds no picture. Copy or drop a picture file.");
  };
  root.addEventListener("paste", (event) => take(event, event.clipboardData));
  root.addEventListener("drop", (event) => take(event, event.dataTransfer));
  root.addEventListener("dragover", (event) => event.preventDefault());
  paint(false);
  showStatus();
  el.append(root);
  return () => model.off("change:status", showStatus);
}

export default { render };
