// The radiograph viewer: one module, no build step, no dependency, nothing fetched.
//
// It draws on a plain 2D canvas. A browser keeps some 16 WebGL contexts alive, a report holds more viewers than that,
// and many remote desktops have no WebGL. Only the pixels that the canvas shows are computed, from a pyramid of the
// film, which is fast enough and gives the same picture on every machine.
//
// Coordinates: film pixels, with edges on whole numbers and centres on halves, as in Python's core/geometry.py.
// `render` is anywidget's entry; `mount` shows the same viewer on an element of a page without a kernel, and
// `mountAll` does so for every fragment that Python's `static_viewer` wrote.

const WHITE = 65535;
const BINS = 16384; // a map's value as a whole number on its scale: finer than any screen shows, and fits 16 bits
const NOT_REACHED = -1;
const MISSING = -32768; // how Python writes NaN
const SLOW_MS = 24; // a frame that took longer is drawn at half the resolution while something is dragged
const SETTLE_MS = 140;
const REACH_PX = 7; // how near to a line or handle the pointer must be
const [MARK_PX, RIM_PX] = [1.6, 1]; // a mark's line, and how far dark stands out on each side of a line
const OWN_COLOUR = "#b6ff5c";
const SVG = "http://www.w3.org/2000/svg";
const LINKED = ["window", "invert", "visible", "opacity", "threshold"];
const DEFAULTS = {
  film: null, layers: [], colormaps: {}, marks: [], title: "", message: "", layer: 0, colormap: "",
  window: [0, 1], home_window: [0, 1], invert: false, visible: true, opacity: null, threshold: 0,
  drawn: [], selected: -1, tool: "window", link_group: "", height_px: 520, stepping: false, extra_keys: [],
  wheel_needs_focus: false, theme: "auto",
};
const TOOLS = [
  { name: "window", key: "w", label: "Window", help: "Drag changes brightness and contrast" },
  { name: "pan", key: "h", label: "Pan", help: "Drag moves the film" },
  { name: "box", key: "b", label: "Box", help: "Drag draws a box; Enter puts one in the middle" },
  { name: "polygon", key: "g", label: "Polygon", help: "Each click sets a corner; Enter or a double click closes" },
];
const MOUSE = [
  ["Left drag", "Window and level, or the chosen tool"],
  ["Middle drag", "Move the film (also Ctrl + left drag)"],
  ["Right drag, wheel", "Zoom"],
  ["Double click", "Reset zoom and window"],
];
const ICONS = {
  window: "M8 1.5a6.5 6.5 0 1 0 0 13a6.5 6.5 0 1 0 0-13M8 1.5v13M8 4h5M8 6.5h6M8 9h6M8 11.5h5",
  pan: "M8 1v14M1 8h14M8 1L6 3M8 1l2 2M8 15l-2-2M8 15l2-2M1 8l2-2M1 8l2 2M15 8l-2-2M15 8l-2 2",
  box: "M2.5 3.5h11v9h-11z",
  polygon: "M8 1.8L14 6.2L11.8 13.5H4.2L2 6.2z",
  remove: "M3 4.5h10M6.5 4.5V2.5h3v2M4.5 4.5l.6 9h5.8l.6-9M6.8 7v4M9.2 7v4",
  invert: "M2.5 2.5h11v11h-11zM2.5 13.5l11-11M6.2 13.2l7-7M9.8 13.2l3.4-3.4",
  map: "M8 2L14.5 5.5L8 9L1.5 5.5zM2.5 8.5L8 11.5L13.5 8.5M2.5 11L8 14L13.5 11",
  peek: "M1.2 8C3.5 4.5 5.7 3.3 8 3.3S12.5 4.5 14.8 8C12.5 11.5 10.3 12.7 8 12.7S3.5 11.5 1.2 8M8 6a2 2 0 1 0 0 4a2 2 0 1 0 0-4",
  fit: "M2 6V2h4M10 2h4v4M14 10v4h-4M6 14H2v-4",
  reset: "M13.5 8a5.5 5.5 0 1 1-1.8-4.1M12.2 1.2v3h-3",
  help: "M5.6 6a2.4 2.4 0 1 1 3.5 2.1C8.3 8.6 8 9 8 10M8 12.4v.4",
};

// ---------------------------------------------------------------- pixels

/** One film as 16-bit grey, with ever halved copies for small views. */
class Film {
  constructor({ pixels, width, height, bits, key }) {
    const bytes = bytesOf(pixels);
    if (bytes.length !== (width * height * bits) / 8) throw new Error(`${bytes.length} bytes are no film ${width} x ${height}`);
    Object.assign(this, { width, height, key });
    const whole = bits === 16 ? new Uint16Array(bytes.slice().buffer) : Uint16Array.from(bytes, (value) => value * 257);
    this.levels = [{ pixels: whole, width, height }];
  }

  /** The copy to sample for a scale in device pixels a film pixel; 0 is the film itself. */
  level(scale) {
    const wanted = Math.max(0, Math.floor(Math.log2(1 / scale)));
    while (this.levels.length <= wanted && Math.max(this.levels.at(-1).width, this.levels.at(-1).height) > 64) {
      this.levels.push(halved(this.levels.at(-1)));
    }
    return Math.min(wanted, this.levels.length - 1);
  }

  grey(x, y) {
    return this.levels[0].pixels[Math.floor(y) * this.width + Math.floor(x)] / WHITE;
  }

  holds([x, y]) {
    return x >= 0 && y >= 0 && x < this.width && y < this.height;
  }
}

function halved({ pixels, width, height }) {
  const [w, h] = [(width + 1) >> 1, (height + 1) >> 1];
  const half = new Uint16Array(w * h);
  for (let y = 0, out = 0; y < h; y++) {
    const top = 2 * y * width;
    const bottom = Math.min(2 * y + 1, height - 1) * width;
    for (let x = 0; x < w; x++, out++) {
      const [left, right] = [2 * x, Math.min(2 * x + 1, width - 1)];
      half[out] = (pixels[top + left] + pixels[top + right] + pixels[bottom + left] + pixels[bottom + right] + 2) >> 2;
    }
  }
  return { pixels: half, width: w, height: h };
}

/** Which two source pixels lie beside each target pixel of one axis, and the weight of the second. */
function neighbours(count, start, scale, size, smooth) {
  const first = new Int32Array(count);
  const second = new Int32Array(count);
  const weight = new Float32Array(count);
  for (let i = 0; i < count; i++) {
    const at = Math.min(Math.max((start + i + 0.5) / scale - 0.5, 0), size - 1);
    first[i] = Math.floor(at);
    second[i] = Math.min(first[i] + 1, size - 1);
    weight[i] = smooth ? at - first[i] : Math.round(at - first[i]);
  }
  return { first, second, weight };
}

/** Grey (16 bit) of each pixel in `area`; beyond eight screen pixels a film pixel, film pixels are shown as squares. */
function sampleFilm(film, area) {
  const level = film.level(area.scale);
  const { pixels, width, height } = film.levels[level];
  const scale = area.scale * 2 ** level;
  const columns = neighbours(area.width, area.left, scale, width, area.scale < 8);
  const rows = neighbours(area.height, area.top, scale, height, area.scale < 8);
  const grey = new Uint16Array(area.width * area.height);
  for (let y = 0, out = 0; y < area.height; y++) {
    const above = rows.first[y] * width;
    const below = rows.second[y] * width;
    const down = rows.weight[y];
    for (let x = 0; x < area.width; x++, out++) {
      const [left, right, across] = [columns.first[x], columns.second[x], columns.weight[x]];
      const upper = pixels[above + left] + (pixels[above + right] - pixels[above + left]) * across;
      const lower = pixels[below + left] + (pixels[below + right] - pixels[below + left]) * across;
      grey[out] = upper + (lower - upper) * down + 0.5;
    }
  }
  return grey;
}

/** A signed map at its own resolution, and where on the film it lies. */
class MapLayer {
  constructor(content) {
    Object.assign(this, content); // title, width, height, step, to_map, scale, extent, colormap
    const whole = new Int16Array(bytesOf(content.values).slice().buffer);
    this.values = Float32Array.from(whole, (value) => (value === MISSING ? NaN : value * content.step));
  }

  /** The value at a place on the film, between four cells; NaN where the map does not reach. */
  at(x, y) {
    const [a, b, c, d, e, f] = this.to_map;
    return this.between(a * x + b * y + c - 0.5, d * x + e * y + f - 0.5);
  }

  between(column, row) {
    const { width, height, values } = this;
    if (!(column >= -0.5 && row >= -0.5 && column <= width - 0.5 && row <= height - 0.5)) return NaN;
    const x = column < 0 ? 0 : column > width - 1 ? width - 1 : column;
    const y = row < 0 ? 0 : row > height - 1 ? height - 1 : row;
    const [left, top] = [x | 0, y | 0];
    const right = left + 1 < width ? left + 1 : left;
    const [above, below] = [top * width, (top + 1 < height ? top + 1 : top) * width];
    const upper = values[above + left] + (values[above + right] - values[above + left]) * (x - left);
    const lower = values[below + left] + (values[below + right] - values[below + left]) * (x - left);
    return upper + (lower - upper) * (y - top);
  }
}

/** Each pixel's place on the map's scale as a whole number; values beyond take its ends. */
function sampleMap(layer, area) {
  const [a, b, c, d, e, f] = layer.to_map;
  const [low, high] = layer.scale;
  const bins = new Int16Array(area.width * area.height);
  const factor = BINS / (high - low);
  for (let y = 0, out = 0; y < area.height; y++) {
    const filmY = (area.top + y + 0.5) / area.scale;
    for (let x = 0; x < area.width; x++, out++) {
      const filmX = (area.left + x + 0.5) / area.scale;
      const value = layer.between(a * filmX + b * filmY + c - 0.5, d * filmX + e * filmY + f - 0.5);
      if (value !== value) bins[out] = NOT_REACHED;
      else bins[out] = value <= low ? 0 : value >= high ? BINS : (value - low) * factor + 0.5;
    }
  }
  return bins;
}

function greyTable([low, high], invert) {
  const table = new Uint8Array(WHITE + 1);
  const factor = 255 / (WHITE * (high - low));
  for (let value = 0; value <= WHITE; value++) {
    const grey = Math.min(Math.max((value - low * WHITE) * factor, 0), 255) + 0.5;
    table[value] = invert ? 256 - grey : grey;
  }
  return table;
}

/** How strong a value is, 0 to 1: by magnitude where colours fade to zero, else by its place on the bar. */
function strengthOf(value, [low, high], fading) {
  const share = fading ? Math.abs(value) / Math.max(Math.abs(low), Math.abs(high)) : (value - low) / (high - low);
  return Math.min(Math.max(share, 0), 1);
}

/** For each place on the scale: its colour times its share, and the share of grey that is kept. */
function colourTable(colormap, scale, opacity, threshold) {
  const table = { red: new Float32Array(BINS + 1), green: new Float32Array(BINS + 1), blue: new Float32Array(BINS + 1), keep: new Float32Array(BINS + 1) };
  for (let bin = 0; bin <= BINS; bin++) {
    const strength = strengthOf(scale[0] + ((scale[1] - scale[0]) * bin) / BINS, scale, colormap.fading);
    const share = strength < threshold ? 0 : opacity * (colormap.fading ? Math.sqrt(strength) : 1);
    const at = 3 * Math.round((bin / BINS) * 255);
    table.red[bin] = colormap.colours[at] * share;
    table.green[bin] = colormap.colours[at + 1] * share;
    table.blue[bin] = colormap.colours[at + 2] * share;
    table.keep[bin] = 1 - share;
  }
  return table;
}

function compose(pixels, grey, greys, bins, colours) {
  for (let i = 0; i < grey.length; i++) {
    const value = greys[grey[i]];
    const bin = bins ? bins[i] : NOT_REACHED;
    if (bin < 0) {
      pixels[i] = 0xff000000 | (value * 0x010101);
    } else {
      const kept = value * colours.keep[bin] + 0.5;
      pixels[i] = 0xff000000 | ((colours.blue[bin] + kept) << 16) | ((colours.green[bin] + kept) << 8) | (colours.red[bin] + kept);
    }
  }
}

function bytesOf(data) {
  if (data instanceof Uint8Array) return data;
  if (data instanceof DataView) return new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
  return new Uint8Array(data);
}

// ---------------------------------------------------------------- regions

/** Where a region can be taken hold of: a box at its four corners, a polygon at each of its own. */
function handlesOf({ kind, corners }) {
  if (kind === "polygon") return corners;
  const [[left, top], [right, bottom]] = corners;
  return [[left, top], [right, top], [right, bottom], [left, bottom]];
}

function withHandle(region, handle, [x, y]) {
  if (region.kind === "polygon") return { ...region, corners: region.corners.map((corner, i) => (i === handle ? [x, y] : corner)) };
  const opposite = handlesOf(region)[(handle + 2) % 4];
  return { ...region, corners: [[x, y], opposite] };
}

function moved(region, [dx, dy], film) {
  const [xs, ys] = [region.corners.map((corner) => corner[0]), region.corners.map((corner) => corner[1])];
  const right = Math.min(Math.max(dx, -Math.min(...xs)), film.width - Math.max(...xs));
  const down = Math.min(Math.max(dy, -Math.min(...ys)), film.height - Math.max(...ys));
  return { ...region, corners: region.corners.map(([x, y]) => [x + right, y + down]) };
}

function middleOf(region) {
  const [xs, ys] = [region.corners.map((corner) => corner[0]), region.corners.map((corner) => corner[1])];
  return [(Math.min(...xs) + Math.max(...xs)) / 2, (Math.min(...ys) + Math.max(...ys)) / 2];
}

/** The region in whole film pixels within the film; null where nothing is left of it. */
function settled({ kind, corners }, film) {
  const whole = corners.map(([x, y]) => [
    Math.min(Math.max(Math.round(x), 0), film.width),
    Math.min(Math.max(Math.round(y), 0), film.height),
  ]);
  if (kind === "box") {
    const [[x0, y0], [x1, y1]] = whole;
    const box = [[Math.min(x0, x1), Math.min(y0, y1)], [Math.max(x0, x1), Math.max(y0, y1)]];
    return x0 !== x1 && y0 !== y1 ? { kind, corners: box } : null;
  }
  const distinct = whole.filter(([x, y], i) => i === 0 || x !== whole[i - 1][0] || y !== whole[i - 1][1]);
  return Math.abs(doubleArea(distinct)) > 0 ? { kind, corners: distinct } : null;
}

function doubleArea(corners) {
  return corners.reduce((sum, [x, y], i) => {
    const [nextX, nextY] = corners[(i + 1) % corners.length];
    return sum + x * nextY - nextX * y;
  }, 0);
}

function distance([ax, ay], [bx, by]) {
  return Math.hypot(ax - bx, ay - by);
}

function distanceToLine(point, start, end) {
  const [dx, dy] = [end[0] - start[0], end[1] - start[1]];
  const along = ((point[0] - start[0]) * dx + (point[1] - start[1]) * dy) / (dx * dx + dy * dy || 1);
  const share = Math.min(Math.max(along, 0), 1);
  return distance(point, [start[0] + share * dx, start[1] + share * dy]);
}

// ---------------------------------------------------------------- elements and words

/** A new element; words become text, never markup. */
function element(tag, attributes = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith("on")) made.addEventListener(name.slice(2), value);
    else if (name === "class") made.className = value;
    else if (value === true) made.setAttribute(name, "");
    else if (value !== false && value !== undefined) made.setAttribute(name, value);
  }
  made.append(...children);
  return made;
}

function icon(name) {
  const drawing = document.createElementNS(SVG, "svg");
  const path = document.createElementNS(SVG, "path");
  drawing.setAttribute("viewBox", "0 0 16 16");
  drawing.setAttribute("aria-hidden", "true");
  path.setAttribute("d", ICONS[name]);
  drawing.append(path);
  return drawing;
}

/** A number short enough for a figure, with a true minus sign. */
function short(value) {
  if (!Number.isFinite(value)) return "none";
  const size = Math.abs(value);
  const text = size !== 0 && (size < 1e-3 || size >= 1e5) ? value.toExponential(2) : String(+value.toPrecision(3));
  return text.replaceAll("-", "−");
}

// ---------------------------------------------------------------- linked viewers

/** Group -> viewers. Each widget loads its own copy of this module, so that the list must hang on the page. */
const groups = (globalThis[Symbol.for("radiograph-workbench.linked-viewers")] ??= new Map());

function join(group, viewer) {
  if (!group) return;
  const members = groups.get(group) ?? groups.set(group, new Set()).get(group);
  const [other] = members;
  if (other) viewer.view = { ...other.view };
  members.add(viewer);
}

function leave(group, viewer) {
  groups.get(group)?.delete(viewer);
  if (groups.get(group)?.size === 0) groups.delete(group);
}

// ---------------------------------------------------------------- the viewer

class Viewer {
  constructor(model, host) {
    this.model = model;
    this.host = host;
    this.view = { zoom: 1, x: 0.5, y: 0.5 }; // zoom 1 shows the whole film; x, y: what is in the middle, as shares
    this.film = null;
    this.layers = [];
    this.peeking = false;
    this.drag = null;
    this.draft = null; // {index, region} while a region is drawn or edited
    this.sampled = {}; // grey and map under the pixels of the stage
    this.memory = {}; // look-up tables
    this.frameMs = 0;
    this.build();
    this.listen();
    this.join();
    this.loadFilm();
    this.loadLayers();
    this.refresh();
  }

  get(name) {
    return this.model.get(name) ?? DEFAULTS[name];
  }

  /** Change the model of this viewer, and of those linked to it where the state is shared. */
  set(name, value) {
    const viewers = LINKED.includes(name) ? this.together() : [this];
    for (const viewer of viewers) viewer.model.set(name, value);
  }

  save() {
    for (const viewer of this.together()) viewer.model.save_changes();
  }

  change(values) {
    for (const [name, value] of Object.entries(values)) this.set(name, value);
    this.save();
  }

  together() {
    return [...(groups.get(this.group) ?? [this])];
  }

  join() {
    leave(this.group, this);
    this.group = this.get("link_group");
    join(this.group, this);
    this.ask();
  }

  // ------------------------------------------------------------ building

  build() {
    this.canvas = element("canvas");
    this.context = this.canvas.getContext("2d");
    this.buffer = element("canvas");
    this.titleLine = element("div", { class: "fv-title" });
    this.readout = element("div", { class: "fv-readout" });
    this.windowLine = element("div", { class: "fv-levels" });
    this.notice = element("div", { class: "fv-notice", role: "status" });
    this.live = element("div", { class: "fv-hidden", "aria-live": "polite" });
    this.help = element("div", { class: "fv-keys", role: "dialog", "aria-label": "Keys and mouse", hidden: true });
    this.stage = element(
      "div", { class: "fv-stage", tabindex: "0", role: "application", "aria-roledescription": "radiograph viewer" },
      this.canvas, this.titleLine, this.readout, this.windowLine, this.notice, this.help,
    );
    this.root = element(
      "div", { class: "fv", "data-lm-suppress-shortcuts": "true" },
      this.toolbar(), this.stage, this.mapPanel(), this.live,
    );
    this.host.append(this.root);
  }

  toolbar() {
    const tools = TOOLS.map(({ name, key, label, help }) =>
      this.button(name, label, `${help} (key ${key})`, () => this.choose(name), { "data-tool": name }));
    this.removeButton = this.button("remove", "Delete", "Delete the chosen box or polygon (key Delete)", () => this.removeSelected());
    this.invertButton = this.button("invert", "Invert", "Swap black and white (key i)", () => this.change({ invert: !this.get("invert") }));
    this.mapButton = this.button("map", "Map", "Show or hide the map (key o)", () => this.change({ visible: !this.get("visible") }));
    this.peekButton = this.peekHolder();
    this.helpButton = this.button("help", "Keys", "Show keys and mouse (key ?)", () => this.toggleHelp());
    this.tools = element("div", { class: "fv-group", role: "group", "aria-label": "Left mouse button" }, ...tools, this.removeButton);
    return element(
      "div", { class: "fv-bar", role: "toolbar", "aria-label": "Viewer" }, this.tools,
      element(
        "div", { class: "fv-group" }, this.invertButton,
        this.button("fit", "Fit", "Show the whole film (key =)", () => this.fit()),
        this.button("reset", "Reset", "Reset zoom and window (space, double click)", () => this.reset()),
      ),
      element("div", { class: "fv-group fv-of-map" }, this.mapButton, this.peekButton),
      element("div", { class: "fv-group fv-last" }, this.helpButton),
    );
  }

  button(name, label, title, press, attributes = {}) {
    const pressed = (event) => {
      press();
      if (event.detail) this.stage.focus({ preventScroll: true }); // by mouse: the keys belong to the film again
    };
    const words = element("span", {}, label);
    return element("button", { type: "button", class: `fv-button fv-${name}`, title, "aria-label": `${label}. ${title}`, onclick: pressed, ...attributes }, icon(name), words);
  }

  peekHolder() {
    const holder = this.button("peek", "Peek", "Hold to see the bare film (key p)", () => {});
    const hold = () => this.peek(true);
    const release = () => this.peek(false);
    holder.addEventListener("pointerdown", hold);
    holder.addEventListener("mousedown", (event) => event.preventDefault()); // else the focus moves, which lets go
    for (const name of ["pointerup", "pointerleave", "pointercancel", "blur"]) holder.addEventListener(name, release);
    holder.addEventListener("keydown", (event) => [" ", "Enter"].includes(event.key) && hold());
    holder.addEventListener("keyup", release);
    return holder;
  }

  mapPanel() {
    this.bar = element("canvas", { width: 256, height: 1, class: "fv-colours" });
    this.ticks = element("div", { class: "fv-ticks" });
    this.extent = element("div", { class: "fv-extent" });
    this.mapTitle = element("span", { class: "fv-map-title" });
    this.layerPicker = this.picker("Map", () => this.change({ layer: this.layerPicker.selectedIndex, colormap: "" }));
    this.colourPicker = this.picker("Colours", () => this.pickColours(this.colourPicker.value));
    this.opacity = this.slider("Opacity", (value) => this.set("opacity", value));
    this.threshold = this.slider("Hide below", (value) => this.set("threshold", value));
    this.panel = element(
      "div", { class: "fv-panel fv-of-map" },
      element("div", { class: "fv-scale" }, element("div", { class: "fv-names" }, this.mapTitle, this.layerPicker), this.bar, this.ticks, this.extent),
      element(
        "div", { class: "fv-settings" }, this.opacity.row, this.threshold.row,
        element("label", {}, element("span", {}, "Colours"), this.colourPicker),
      ),
    );
    return this.panel;
  }

  picker(label, onchange) {
    return element("select", { "aria-label": label, onchange });
  }

  slider(label, move) {
    const input = element("input", { type: "range", min: 0, max: 1, step: 0.01, "aria-label": label });
    const value = element("output", {});
    input.addEventListener("input", () => {
      move(+input.value);
      this.interact();
    });
    input.addEventListener("change", () => this.save());
    return { input, value, row: element("label", {}, element("span", {}, label), input, value) };
  }

  // ------------------------------------------------------------ listening

  listen() {
    const stage = this.stage;
    const on = (target, name, act, options) => target.addEventListener(name, act, options);
    on(stage, "pointerdown", (event) => this.pointerDown(event));
    on(stage, "pointermove", (event) => this.pointerMove(event));
    on(stage, "pointerup", (event) => this.pointerUp(event));
    on(stage, "pointercancel", (event) => this.pointerUp(event));
    on(stage, "pointerleave", () => this.readOut(null));
    on(stage, "dblclick", (event) => this.doubleClick(event));
    on(stage, "contextmenu", (event) => event.preventDefault());
    on(stage, "wheel", (event) => this.wheel(event), { passive: false });
    on(this.root, "keydown", (event) => this.keyDown(event));
    on(this.root, "keyup", (event) => this.keyUp(event));
    on(this.root, "keypress", (event) => event.stopPropagation());
    on(this.root, "focusout", (event) => this.root.contains(event.relatedTarget) || this.peek(false));
    this.heard = {
      "change:film": () => this.loadFilm(),
      "change:layers": () => this.loadLayers(),
      "change:link_group": () => this.join(),
      "msg:custom": (content) => content.do === "focus" && this.stage.focus({ preventScroll: true }),
    };
    for (const name of Object.keys(DEFAULTS)) this.heard[`change:${name}`] ??= () => this.refresh();
    for (const [name, act] of Object.entries(this.heard)) this.model.on(name, act);
    this.resized = new ResizeObserver(() => this.ask());
    this.resized.observe(stage);
  }

  destroy() {
    for (const [name, act] of Object.entries(this.heard)) this.model.off(name, act);
    this.resized.disconnect();
    clearTimeout(this.settling);
    leave(this.group, this);
    this.root.remove();
  }

  loadFilm() {
    const content = this.get("film");
    const before = this.film;
    this.failure = "";
    try {
      this.film = content?.pixels ? new Film(content) : null;
    } catch (error) {
      this.film = null;
      this.failure = `This film cannot be shown: ${error.message}`;
    }
    const same = before && this.film && before.key === this.film.key && before.width === this.film.width && before.height === this.film.height;
    if (!same) {
      this.draft = null;
      this.view = { zoom: 1, x: 0.5, y: 0.5 };
    }
    this.sampled = {};
    this.refresh();
  }

  loadLayers() {
    this.layers = this.get("layers").map((content) => new MapLayer(content));
    this.sampled = {};
    this.refresh();
  }

  // ------------------------------------------------------------ what is shown

  layer() {
    return this.layers[this.get("layer")] ?? this.layers[0] ?? null;
  }

  colormapName() {
    return this.get("colormap") || this.layer().colormap;
  }

  colormap() {
    const content = this.get("colormaps")[this.colormapName()];
    return { ...content, colours: bytesOf(content.colours) };
  }

  strength() {
    return this.get("opacity") ?? this.colormap().strength;
  }

  /** Where the film lies on the stage, in CSS pixels: screen = left + film * scale. */
  placement() {
    const [width, height] = [this.stage.clientWidth || 1, this.stage.clientHeight || 1];
    const scale = Math.min(width / this.film.width, height / this.film.height) * this.view.zoom;
    return {
      scale,
      left: width / 2 - this.view.x * this.film.width * scale,
      top: height / 2 - this.view.y * this.film.height * scale,
    };
  }

  onFilm([x, y]) {
    const { scale, left, top } = this.placement();
    return [(x - left) / scale, (y - top) / scale];
  }

  onStage([x, y]) {
    const { scale, left, top } = this.placement();
    return [left + x * scale, top + y * scale];
  }

  look(view) {
    const zoom = Math.min(Math.max(view.zoom, 0.25), 80);
    const next = { zoom, x: Math.min(Math.max(view.x, 0), 1), y: Math.min(Math.max(view.y, 0), 1) };
    for (const viewer of this.together()) {
      viewer.view = { ...next };
      viewer.interact();
    }
  }

  zoomBy(factor, at) {
    if (!this.film) return;
    const point = at ?? [this.stage.clientWidth / 2, this.stage.clientHeight / 2];
    const [x, y] = this.onFilm(point);
    const zoom = Math.min(Math.max(this.view.zoom * factor, 0.25), 80);
    const ratio = this.view.zoom / zoom; // the place under the pointer stays there
    const [shareX, shareY] = [x / this.film.width, y / this.film.height];
    this.look({ zoom, x: shareX + (this.view.x - shareX) * ratio, y: shareY + (this.view.y - shareY) * ratio });
  }

  fit() {
    this.look({ zoom: 1, x: 0.5, y: 0.5 });
  }

  reset() {
    this.fit();
    this.change({ window: [...this.get("home_window")], invert: false });
  }

  peek(on) {
    if (this.peeking === on) return;
    for (const viewer of this.together()) {
      viewer.peeking = on;
      viewer.refresh();
    }
  }

  choose(tool) {
    this.draft = null;
    this.change({ tool });
    this.say(`${TOOLS.find(({ name }) => name === tool).label} tool`);
  }

  pickColours(name) {
    const fades = (each) => this.get("colormaps")[each].fading;
    if (fades(name) !== fades(this.colormapName())) this.set("opacity", null); // colours that lie evenly are laid on thinly
    this.change({ colormap: name === this.layer().colormap ? "" : name });
  }

  say(words) {
    this.live.textContent = words;
  }

  // ------------------------------------------------------------ controls follow the model

  refresh() {
    const layer = this.layer();
    this.root.dataset.theme = this.get("theme");
    this.root.classList.toggle("fv-bare", !layer);
    this.stage.style.height = `${this.get("height_px")}px`;
    this.titleLine.textContent = this.get("title");
    this.notice.textContent = this.get("message") || this.failure || (this.film ? "" : "No film");
    for (const button of this.tools.querySelectorAll("[data-tool]")) press(button, button.dataset.tool === this.get("tool"));
    press(this.invertButton, this.get("invert"));
    press(this.mapButton, this.get("visible"));
    press(this.peekButton, this.peeking);
    this.removeButton.disabled = !this.get("drawn")[this.get("selected")];
    const [low, high] = this.get("window");
    this.windowLine.textContent = this.film ? `W ${short(high - low)}  L ${short((low + high) / 2)}${this.get("invert") ? "  inverted" : ""}` : "";
    const described = [this.get("title") || "Radiograph", layer && `with map ${layer.title}`, "press ? for keys"];
    this.stage.setAttribute("aria-label", described.filter(Boolean).join(", "));
    if (layer) this.refreshMap(layer);
    if (!this.help.hidden) this.fillHelp();
    this.ask();
  }

  refreshMap(layer) {
    const several = this.layers.length > 1;
    this.mapTitle.hidden = several;
    this.layerPicker.hidden = !several;
    this.mapTitle.textContent = layer.title || "Map";
    fillPicker(this.layerPicker, this.layers.map((each, i) => [String(i), each.title || `Map ${i + 1}`]), String(this.layers.indexOf(layer)));
    const suited = Object.entries(this.get("colormaps")).filter(([name, { signed }]) => signed === null || signed === layer.scale[0] < 0 || name === layer.colormap);
    fillPicker(this.colourPicker, suited.map(([name, { title }]) => [name, title]), this.colormapName());
    for (const [slider, value] of [[this.opacity, this.strength()], [this.threshold, this.get("threshold")]]) slider.input.value = value;
    this.opacity.value.textContent = `${Math.round(100 * this.strength())} %`;
    this.threshold.value.textContent = this.thresholdWords(layer);
    const [lowest, highest] = layer.extent;
    const beyond = lowest < layer.scale[0] - 1e-6 * Math.abs(layer.scale[0]) || highest > layer.scale[1] + 1e-6 * Math.abs(layer.scale[1]);
    this.extent.textContent = `values ${short(lowest)} to ${short(highest)}${beyond ? ", beyond this scale" : ""}`;
    this.extent.classList.toggle("fv-beyond", beyond);
    this.drawBar(layer);
  }

  thresholdWords({ scale: [low, high] }) {
    const threshold = this.get("threshold");
    if (!threshold) return "off";
    const { fading } = this.colormap();
    const value = fading ? threshold * Math.max(Math.abs(low), Math.abs(high)) : low + threshold * (high - low);
    return (fading && low < 0 ? "±" : "") + short(value);
  }

  /** The colours of the scale, pale where the threshold hides them, with numbers at the ends and at zero. */
  drawBar({ scale }) {
    const { colours, fading } = this.colormap();
    const context = this.bar.getContext("2d");
    const image = context.createImageData(256, 1);
    for (let i = 0; i < 256; i++) {
      const value = scale[0] + ((scale[1] - scale[0]) * i) / 255;
      const hidden = strengthOf(value, scale, fading) < this.get("threshold");
      image.data.set([colours[3 * i], colours[3 * i + 1], colours[3 * i + 2], hidden ? 40 : 255], 4 * i);
    }
    context.putImageData(image, 0, 0);
    const values = scale[0] < 0 && scale[1] > 0 ? [scale[0], 0, scale[1]] : scale;
    const words = values.map((value) => {
      const tick = element("span", {}, value === 0 ? "0" : short(value));
      tick.style.left = `${(100 * (value - scale[0])) / (scale[1] - scale[0])}%`;
      return tick;
    });
    this.ticks.replaceChildren(...words);
    this.bar.setAttribute("role", "img");
    this.bar.setAttribute("aria-label", `Colour scale from ${short(scale[0])} to ${short(scale[1])}`);
  }

  readOut(point) {
    const at = point && this.film ? this.onFilm(point) : null;
    if (!at || !this.film.holds(at)) {
      this.readout.textContent = "";
      return;
    }
    const value = this.layer()?.at(...at);
    const map = value === undefined ? "" : Number.isNaN(value) ? "  map not here" : `  map ${value > 0 ? "+" : ""}${short(value)}`;
    this.readout.textContent = `x ${Math.floor(at[0])}  y ${Math.floor(at[1])}  grey ${this.film.grey(...at).toFixed(3)}${map}`;
  }

  // ------------------------------------------------------------ painting

  /** Paint at the next frame, however often it is asked for. */
  ask() {
    this.asked ??= requestAnimationFrame(() => {
      this.asked = null;
      this.paint();
    });
  }

  /** Something is being dragged: paint now, perhaps coarsely, and finely once it rests. */
  interact() {
    this.interacting = true;
    clearTimeout(this.settling);
    this.settling = setTimeout(() => {
      this.interacting = false;
      if (this.coarse) this.ask();
    }, SETTLE_MS);
    this.ask();
  }

  paint() {
    const started = performance.now();
    const ratio = globalThis.devicePixelRatio || 1;
    const [width, height] = [Math.round(this.stage.clientWidth * ratio), Math.round(this.stage.clientHeight * ratio)];
    if (!width || !height) return;
    if (this.canvas.width !== width) this.canvas.width = width;
    if (this.canvas.height !== height) this.canvas.height = height;
    this.context.setTransform(1, 0, 0, 1, 0, 0);
    this.context.fillStyle = "#000";
    this.context.fillRect(0, 0, width, height);
    if (this.film) {
      this.coarse = this.interacting && this.frameMs > SLOW_MS;
      this.paintPixels(ratio, this.coarse ? 0.5 : 1);
      this.context.setTransform(ratio, 0, 0, ratio, 0, 0);
      if (!this.peeking) this.get("marks").forEach((mark) => this.paintMark(mark));
      this.regions().forEach((region, index) => this.paintRegion(region, index === this.get("selected")));
    }
    const milliseconds = performance.now() - started;
    if (!this.coarse) this.frameMs = milliseconds;
    this.root.toggleAttribute("data-coarse", Boolean(this.coarse));
    this.root.dispatchEvent(new CustomEvent("film-viewer-painted", { bubbles: true, detail: { milliseconds, coarse: Boolean(this.coarse) } }));
  }

  /** The part of the stage that the film covers, in pixels `quality` times as fine as the screen's. */
  area(ratio, quality) {
    const { scale, left, top } = this.placement();
    const factor = ratio * quality;
    const [x0, y0] = [Math.max(0, Math.floor(left * factor)), Math.max(0, Math.floor(top * factor))];
    const x1 = Math.min(Math.ceil(this.canvas.width * quality), Math.ceil((left + this.film.width * scale) * factor));
    const y1 = Math.min(Math.ceil(this.canvas.height * quality), Math.ceil((top + this.film.height * scale) * factor));
    return { x0, y0, width: x1 - x0, height: y1 - y0, scale: scale * factor, left: x0 - left * factor, top: y0 - top * factor };
  }

  paintPixels(ratio, quality) {
    const area = this.area(ratio, quality);
    if (area.width <= 0 || area.height <= 0) return;
    const { grey, bins, image } = this.sample(area, this.get("visible") && !this.peeking ? this.layer() : null);
    const colours = bins && this.colours();
    compose(new Uint32Array(image.data.buffer), grey, this.greys(), bins, colours);
    if (this.buffer.width !== area.width) this.buffer.width = area.width;
    if (this.buffer.height !== area.height) this.buffer.height = area.height;
    this.buffer.getContext("2d").putImageData(image, 0, 0);
    this.context.drawImage(this.buffer, area.x0 / quality, area.y0 / quality, area.width / quality, area.height / quality);
  }

  /** Grey and map under each pixel, computed again only where the view has changed. */
  sample(area, layer) {
    const key = Object.values(area).join();
    if (this.sampled.key !== key) {
      this.sampled = { key, grey: sampleFilm(this.film, area), image: new ImageData(area.width, area.height) };
    }
    if (layer && this.sampled.layer !== layer) Object.assign(this.sampled, { layer, bins: sampleMap(layer, area) });
    return { grey: this.sampled.grey, image: this.sampled.image, bins: layer && this.sampled.bins };
  }

  greys() {
    return this.remembered("greys", [this.get("window"), this.get("invert")], greyTable);
  }

  colours() {
    const layer = this.layer();
    const make = () => colourTable(this.colormap(), layer.scale, this.strength(), this.get("threshold"));
    return this.remembered("table", [this.colormapName(), layer.scale, this.strength(), this.get("threshold")], make);
  }

  remembered(name, facts, make) {
    const key = JSON.stringify(facts);
    if (this.memory[name]?.key !== key) this.memory[name] = { key, value: make(...facts) };
    return this.memory[name].value;
  }

  stroke(colour, width, trace) {
    this.context.lineJoin = "round";
    for (const [style, extra] of [["rgba(0, 0, 0, 0.65)", 2 * RIM_PX], [colour, 0]]) {
      this.context.beginPath();
      trace(this.context);
      this.context.strokeStyle = style;
      this.context.lineWidth = width + extra;
      this.context.stroke();
    }
  }

  paintMark({ colour, lines, label, box }) {
    const { scale, left, top } = this.placement();
    const inside = MARK_PX / 2 + RIM_PX; // so that a line on the film's edge shows all its width
    const along = (start, length, at) => Math.max(start + inside, Math.min(start + at * scale, start + length * scale - inside));
    const x = (at) => along(left, this.film.width, at);
    const y = (at) => along(top, this.film.height, at);
    this.stroke(colour, MARK_PX, (context) => {
      for (let i = 0; i < lines.length; i += 4) {
        context.moveTo(x(lines[i]), y(lines[i + 1]));
        context.lineTo(x(lines[i + 2]), y(lines[i + 3]));
      }
    });
    this.paintLabel(label, box, colour);
  }

  paintLabel(label, [left, top, , bottom], colour) {
    if (!label) return;
    const context = this.context;
    context.font = "600 12px system-ui, 'DejaVu Sans', sans-serif";
    const [x, y] = this.onStage([left, top]);
    const below = this.onStage([left, bottom])[1];
    const width = context.measureText(label).width + 8;
    const atX = Math.min(Math.max(x - 1, 2), Math.max(this.stage.clientWidth - width - 2, 2));
    const atY = y > 20 ? y - 19 : Math.min(below + 3, this.stage.clientHeight - 18);
    context.fillStyle = "rgba(0, 0, 0, 0.68)";
    context.fillRect(atX, atY, width, 16);
    context.fillStyle = colour;
    context.fillText(label, atX + 4, atY + 12);
  }

  paintRegion(region, chosen) {
    const outline = handlesOf(region).map((corner) => this.onStage(corner));
    this.stroke(OWN_COLOUR, chosen ? 2.2 : 1.6, (context) => {
      outline.forEach(([x, y], i) => (i ? context.lineTo(x, y) : context.moveTo(x, y)));
      if (!region.open) context.closePath();
    });
    if (!chosen && !region.open) return;
    for (const [x, y] of region.open ? outline : [...outline, this.onStage(middleOf(region))]) {
      this.context.fillStyle = "#000";
      this.context.fillRect(x - 4.5, y - 4.5, 9, 9);
      this.context.fillStyle = OWN_COLOUR;
      this.context.fillRect(x - 3, y - 3, 6, 6);
    }
  }

  // ------------------------------------------------------------ drawn regions

  /** What has been drawn, with the one in work as it is at the moment. */
  regions() {
    const drawn = [...this.get("drawn")];
    if (this.draft) drawn[this.draft.index] = this.draft.region;
    return drawn;
  }

  /** The handle or line under the pointer; the chosen region lies on top. */
  hit(point) {
    const drawn = this.get("drawn");
    const chosen = this.get("selected");
    const order = drawn.map((_, i) => drawn.length - 1 - i).sort((a, b) => (b === chosen) - (a === chosen));
    for (const index of order) {
      const outline = handlesOf(drawn[index]).map((corner) => this.onStage(corner));
      const handle = outline.findIndex((corner) => distance(corner, point) <= REACH_PX);
      if (handle >= 0) return { index, handle };
      const onMiddle = index === chosen && distance(this.onStage(middleOf(drawn[index])), point) <= REACH_PX;
      const onLine = outline.some((corner, i) => distanceToLine(point, corner, outline[(i + 1) % outline.length]) <= REACH_PX - 2);
      if (onMiddle || onLine) return { index, handle: null };
    }
    return null;
  }

  commit() {
    const { index, region } = this.draft;
    const whole = settled(region, this.film);
    this.draft = null;
    const drawn = [...this.get("drawn")];
    if (whole) drawn[index] = whole;
    this.change({ drawn, selected: whole ? index : -1 });
    if (whole) this.say(`${whole.kind} at ${whole.corners.map((corner) => corner.join(" ")).join(", ")}`);
    this.refresh();
  }

  removeSelected() {
    const drawn = this.get("drawn").filter((_, index) => index !== this.get("selected"));
    if (drawn.length === this.get("drawn").length) return;
    this.change({ drawn, selected: -1 });
    this.say("Region deleted");
  }

  nudge(dx, dy) {
    const index = this.get("selected");
    const region = this.get("drawn")[index];
    if (!region || !this.film) return false;
    this.draft = { index, region: moved(region, [dx, dy], this.film) };
    this.commit();
    return true;
  }

  /** For those who draw by keyboard: a box in the middle of what is seen, to be moved with Shift and the arrows. */
  boxInTheMiddle() {
    const { clientWidth: width, clientHeight: height } = this.stage;
    const corners = [[0.4, 0.4], [0.6, 0.6]].map(([x, y]) => this.onFilm([x * width, y * height]));
    this.draft = { index: this.get("drawn").length, region: { kind: "box", corners } };
    this.commit();
  }

  closePolygon() {
    if (!this.draft?.region.open) return false;
    const { index, region } = this.draft;
    this.draft = { index, region: { kind: "polygon", corners: region.corners.slice(0, -1) } }; // without the loose end
    this.commit();
    return true;
  }

  // ------------------------------------------------------------ mouse, pen and touch

  point(event) {
    const { left, top } = this.stage.getBoundingClientRect();
    return [event.clientX - left, event.clientY - top];
  }

  pointerDown(event) {
    this.stage.focus({ preventScroll: true });
    if (!this.film || this.help.contains(event.target)) return;
    event.preventDefault();
    if (this.draft?.region.open && event.button === 0) return this.addCorner(this.point(event));
    if (this.drag) return;
    this.stage.setPointerCapture?.(event.pointerId);
    this.drag = { ...this.gesture(event, this.point(event)), start: this.point(event), isMoved: false };
  }

  /** What a drag from here does: `move` at each step, `end` once it is over. */
  gesture(event, start) {
    const tool = this.get("tool");
    if (event.button === 1 || (event.button === 0 && (event.ctrlKey || tool === "pan"))) return this.panGesture(start);
    if (event.button === 2) return this.zoomGesture(start);
    const hit = this.hit(start);
    if (hit) return this.editGesture(start, hit);
    if (tool === "box") return this.boxGesture(start);
    if (tool === "polygon") return this.polygonGesture(start);
    return this.windowGesture(start);
  }

  windowGesture(start) {
    const [low, high] = this.get("window");
    const [width, level] = [high - low, (low + high) / 2];
    return {
      move: ([x, y]) => {
        const wide = Math.min(Math.max(width * Math.exp((x - start[0]) / 200), 0.002), 8);
        const middle = Math.min(Math.max(level + ((y - start[1]) / 400) * width, -0.5), 1.5);
        this.set("window", [middle - wide / 2, middle + wide / 2]);
        for (const viewer of this.together()) viewer.interact();
      },
      end: (isMoved) => (isMoved ? this.save() : this.deselect()),
    };
  }

  panGesture(start) {
    const { x, y } = this.view;
    const { scale } = this.placement();
    const move = (at) => this.look({
      zoom: this.view.zoom,
      x: x - (at[0] - start[0]) / (scale * this.film.width),
      y: y - (at[1] - start[1]) / (scale * this.film.height),
    });
    return { move, end: () => {} };
  }

  zoomGesture(start) {
    let before = start[1];
    const move = ([, y]) => {
      this.zoomBy(Math.exp((before - y) / 150), start);
      before = y;
    };
    return { move, end: () => {} };
  }

  editGesture(start, { index, handle }) {
    const region = this.get("drawn")[index];
    const from = this.onFilm(start);
    this.change({ selected: index });
    return {
      move: (point) => {
        const at = this.onFilm(point);
        const edited = handle === null ? moved(region, [at[0] - from[0], at[1] - from[1]], this.film) : withHandle(region, handle, at);
        this.draft = { index, region: edited };
        this.interact();
      },
      end: (isMoved) => isMoved && this.commit(),
    };
  }

  boxGesture(start) {
    const index = this.get("drawn").length;
    const corner = this.onFilm(start);
    return {
      move: (point) => {
        this.draft = { index, region: { kind: "box", corners: [corner, this.onFilm(point)] } };
        this.interact();
      },
      end: (isMoved) => (isMoved ? this.commit() : this.deselect()),
    };
  }

  polygonGesture(start) {
    const corner = this.onFilm(start);
    this.draft = { index: this.get("drawn").length, region: { kind: "polygon", open: true, corners: [corner, corner] } };
    this.set("selected", -1);
    return { move: (point) => this.trail(point), end: (isMoved, point) => isMoved && this.addCorner(point) };
  }

  trail(point) {
    this.draft.region.corners.splice(-1, 1, this.onFilm(point));
    this.interact();
  }

  addCorner(point) {
    const { corners } = this.draft.region;
    const isBack = corners.length > 3 && distance(this.onStage(corners[0]), point) <= REACH_PX + 3;
    if (isBack) return this.closePolygon();
    corners.splice(-1, 1, this.onFilm(point), this.onFilm(point));
    return this.ask();
  }

  deselect() {
    if (this.get("selected") >= 0) this.change({ selected: -1 });
  }

  pointerMove(event) {
    const point = this.point(event);
    this.readOut(point);
    if (this.drag) {
      this.drag.isMoved ||= distance(point, this.drag.start) > 2;
      if (this.drag.isMoved) this.drag.move(point);
    } else if (this.draft?.region.open) {
      this.trail(point);
    } else if (this.film) {
      const hit = this.hit(point);
      this.stage.dataset.cursor = hit ? (hit.handle === null ? "move" : "handle") : this.get("tool");
    }
  }

  pointerUp(event) {
    const { drag } = this;
    this.drag = null;
    drag?.end(drag.isMoved, this.point(event));
    this.ask();
  }

  doubleClick(event) {
    event.preventDefault();
    if (this.draft?.region.open) {
      this.draft.region.corners.splice(-1, 1); // the second click of the two set a corner of its own
      this.closePolygon();
    } else if (this.get("tool") !== "polygon") {
      this.reset();
    }
  }

  wheel(event) {
    if (!this.film || (this.get("wheel_needs_focus") && !event.ctrlKey && !this.root.contains(document.activeElement))) return;
    event.preventDefault();
    const lines = event.deltaMode === 1 ? 16 : 1; // Firefox counts lines
    this.zoomBy(Math.exp((-event.deltaY * lines) / 400), this.point(event));
  }

  // ------------------------------------------------------------ keys

  keyDown(event) {
    event.stopPropagation(); // JupyterLab has commands on single letters
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const typing = event.target.matches("input, select");
    const onButton = event.target.matches("button") && [" ", "Enter"].includes(event.key);
    if (typing || onButton) return;
    if (this.obey(event.key, event)) event.preventDefault();
  }

  /** Do what a key asks for; false where it asks for nothing. */
  obey(key, { shiftKey, repeat }) {
    const arrows = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
    if (shiftKey && arrows[key]) return this.nudge(...arrows[key]);
    const own = this.get("extra_keys").find((each) => each.key === key);
    if (own) return this.tell({ event: "key", key });
    const commands = this.commands();
    const command = commands[key] ?? commands[key.toLowerCase()];
    if (!command) return false;
    if (!repeat || key === "+" || key === "-" || arrows[key]) command();
    return true;
  }

  commands() {
    const tools = Object.fromEntries(TOOLS.map(({ key, name }) => [key, () => this.choose(name)]));
    const step = (by) => () => this.get("stepping") && this.tell({ event: "step", by });
    const steps = { ArrowLeft: step(-1), PageUp: step(-1), ArrowUp: step(-1), ArrowRight: step(1), PageDown: step(1), ArrowDown: step(1) };
    return {
      ...tools,
      ...(this.get("stepping") ? steps : {}),
      "i": () => this.change({ invert: !this.get("invert") }),
      "o": () => this.change({ visible: !this.get("visible") }),
      "p": () => this.peek(true),
      "+": () => this.zoomBy(1.25),
      "-": () => this.zoomBy(0.8),
      "=": () => this.fit(),
      " ": () => this.reset(),
      "?": () => this.toggleHelp(),
      "Enter": () => this.closePolygon() || (this.film && this.get("tool") === "box" && this.boxInTheMiddle()),
      "Delete": () => this.removeSelected(),
      "Backspace": () => this.removeSelected(),
      "Escape": () => this.giveUp(),
    };
  }

  keyUp(event) {
    event.stopPropagation();
    if (event.key.toLowerCase() === "p") this.peek(false);
  }

  /** Let go of what is in work: the help, a polygon, a choice. */
  giveUp() {
    if (!this.help.hidden) return this.toggleHelp();
    this.draft = null;
    this.deselect();
    return this.ask();
  }

  /** Tell Python, and whoever listens on the page. */
  tell(message) {
    this.model.send(message);
    this.root.dispatchEvent(new CustomEvent(`film-viewer-${message.event}`, { bubbles: true, detail: message }));
    return true;
  }

  toggleHelp() {
    this.help.hidden = !this.help.hidden;
    press(this.helpButton, !this.help.hidden);
    if (!this.help.hidden) this.fillHelp();
  }

  fillHelp() {
    const stepping = this.get("stepping") ? [["← → ↑ ↓  Page Up, Page Down", "Previous, next case"]] : [];
    const ofMap = this.layer() ? [["o", "Map on and off"], ["p", "Hold to see the bare film"]] : [];
    const rows = [
      ...stepping,
      ...this.get("extra_keys").map(({ key, label }) => [key, label]),
      ["i", "Swap black and white"], ...ofMap, ["+ −", "Zoom"], ["=", "Whole film"], ["Space", "Reset zoom and window"],
      ...TOOLS.map(({ key, label }) => [key, `${label} tool`]),
      ["Enter", "Close the polygon; a box in the middle"], ["Delete", "Delete the chosen region"],
      ["Shift + arrows", "Move the chosen region by a pixel"], ["Esc", "Let go"], ["?", "These keys"],
    ];
    const table = (title, pairs) => element(
      "div", {}, element("h3", {}, title),
      element("dl", {}, ...pairs.map(([key, words]) => element("div", {}, element("dt", {}, key), element("dd", {}, words)))),
    );
    this.help.replaceChildren(table("Keys", rows), table("Mouse", MOUSE));
  }
}

function press(button, on) {
  button.setAttribute("aria-pressed", String(Boolean(on)));
}

function fillPicker(picker, choices, chosen) {
  const known = JSON.stringify(choices);
  if (picker.dataset.choices !== known) {
    picker.dataset.choices = known;
    picker.replaceChildren(...choices.map(([value, words]) => element("option", { value }, words)));
  }
  picker.value = chosen;
}

// ---------------------------------------------------------------- with a kernel, and without

/** A model of anywidget's form for pages without a kernel. */
class PlainModel {
  constructor(state) {
    this.state = { ...DEFAULTS, ...state };
    this.heard = {};
  }

  get(name) {
    return this.state[name];
  }

  set(name, value) {
    const isHeavy = name === "film" || name === "layers";
    if (this.state[name] === value || (!isHeavy && JSON.stringify(this.state[name]) === JSON.stringify(value))) return;
    this.state[name] = value;
    for (const act of this.heard[`change:${name}`] ?? []) act();
  }

  on(name, act) {
    (this.heard[name] ??= []).push(act);
  }

  off(name, act) {
    this.heard[name] = (this.heard[name] ?? []).filter((each) => each !== act);
  }

  save_changes() {}

  send() {}
}

function withBytes(name, value) {
  return value?.base64 === undefined ? value : Uint8Array.from(atob(value.base64), (letter) => letter.charCodeAt(0));
}

/** Show a viewer on an element from plain data: DEFAULTS' names, with bytes as Uint8Array. */
export function mount(host, state) {
  const model = new PlainModel(state);
  const viewer = new Viewer(model, host);
  return { model, destroy: () => viewer.destroy() };
}

function mountStatic(holder) {
  const place = element("div", { class: "fv-place" });
  try {
    const state = JSON.parse(holder.querySelector("script").textContent, withBytes);
    holder.append(place);
    holder.mounted = mount(place, { wheel_needs_focus: true, ...state });
    holder.dataset.mounted = "true"; // hides the poster
  } catch (error) {
    place.remove(); // the poster stays
    console.error(error);
  }
}

/** Bring every static fragment to life, each when it is first scrolled near. */
export function mountAll(root = document) {
  const seen = new IntersectionObserver((entries) => {
    for (const { isIntersecting, target } of entries) {
      if (!isIntersecting) continue;
      seen.unobserve(target);
      mountStatic(target);
    }
  }, { rootMargin: "600px" });
  for (const holder of root.querySelectorAll(".film-viewer:not([data-mounted])")) seen.observe(holder);
}

function render({ model, el }) {
  const viewer = new Viewer(model, el);
  return () => viewer.destroy();
}

export default { render };
