// The most active feature maps of each stage as small pictures; one of them can be chosen.

function draw(canvas, bytes, place, height, width) {
  canvas.width = width;
  canvas.height = height;
  const size = height * width * 4;
  const rgba = new Uint8ClampedArray(bytes.buffer, bytes.byteOffset + place * size, size);
  canvas.getContext("2d").putImageData(new ImageData(new Uint8ClampedArray(rgba), width, height), 0, 0);
}

function tile(model, number, place) {
  const stage = model.get("stages")[number];
  const button = document.createElement("button");
  button.className = "workbench-tile";
  button.type = "button";
  button.title = `${stage.title}, channel ${stage.channels[place]}`;
  button.setAttribute("aria-label", `${button.title}: lay it over the film`);
  const canvas = document.createElement("canvas");
  draw(canvas, stage.pixels, place, stage.height, stage.width);
  const name = document.createElement("span");
  name.textContent = stage.channels[place];
  button.append(canvas, name);
  button.addEventListener("click", () => {
    model.set("chosen", [number, place]);
    model.save_changes();
  });
  return button;
}

function group(model, number) {
  const stage = model.get("stages")[number];
  const section = document.createElement("section");
  section.className = "workbench-stage";
  const title = document.createElement("h4");
  title.textContent = `${stage.title}  (${stage.width} × ${stage.height})`;
  const grid = document.createElement("div");
  grid.className = "workbench-tiles";
  grid.style.setProperty("--aspect", `${stage.aspect}`);
  stage.channels.forEach((_, place) => grid.append(tile(model, number, place)));
  section.append(title, grid);
  return section;
}

function render({ model, el }) {
  el.classList.add("workbench-map-tiles");
  const show = () => el.replaceChildren(...model.get("stages").map((_, number) => group(model, number)));
  const mark = () => {
    const [number, place] = model.get("chosen");
    el.querySelectorAll(".workbench-stage").forEach((section, s) =>
      section.querySelectorAll("button").forEach((button, p) =>
        button.setAttribute("aria-pressed", String(s === number && p === place))));
  };
  model.on("change:stages", () => { show(); mark(); });
  model.on("change:chosen", mark);
  show();
  mark();
}

export default { render };
