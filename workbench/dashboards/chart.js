// A chart drawn by plotly.js, which the kernel sends once a page, however many charts there are.

const LIBRARY = Symbol.for("radiograph-workbench.plotly");

async function started(packed) {
  const stream = new Blob([packed]).stream().pipeThrough(new DecompressionStream("gzip"));
  const text = await new Response(stream).arrayBuffer();
  const address = URL.createObjectURL(new Blob([text], { type: "text/javascript" }));
  const script = document.createElement("script");
  script.src = address;
  await new Promise((resolve, reject) => {
    script.onload = resolve;
    script.onerror = () => reject(new Error("plotly.js does not start"));
    document.head.append(script);
  });
  URL.revokeObjectURL(address);
  return globalThis.Plotly;
}

function asked(model) {
  return new Promise((resolve) => {
    const heard = (content, buffers) => {
      if (content.library) {
        model.off("msg:custom", heard);
        resolve(started(buffers[0]));
      }
    };
    model.on("msg:custom", heard);
    model.send({ want: "library" });
  });
}

function library(model) {
  globalThis[LIBRARY] ??= asked(model);
  return globalThis[LIBRARY];
}

function settings(model, Plotly, selects) {
  const file = { filename: model.get("file_name"), scale: 2 };
  const vector = {
    name: "svg",
    title: "Download plot as SVG",
    icon: Plotly.Icons.disk,
    click: (shown) => Plotly.downloadImage(shown, { ...file, format: "svg", scale: 1 }),
  };
  return {
    displaylogo: false,
    responsive: false,
    toImageButtonOptions: { ...file, format: "png" },
    modeBarButtonsToAdd: [vector],
    modeBarButtonsToRemove: selects ? ["autoScale2d"] : ["select2d", "lasso2d", "autoScale2d"],
  };
}

async function render({ model, el }) {
  el.classList.add("workbench-chart");
  const place = document.createElement("div");
  place.setAttribute("role", "figure");
  el.append(place);
  let drawn = "";
  let closed = false;

  const draw = async () => {
    const content = model.get("content");
    place.setAttribute("aria-label", model.get("label"));
    el.style.display = content ? "" : "none";
    if (!content || !place.offsetWidth) return; // a hidden tab has no width: drawn when it is opened
    const Plotly = await library(model);
    if (closed || !place.offsetWidth) return;
    if (drawn === content) {
      Plotly.Plots.resize(place);
      return;
    }
    drawn = content;
    const { data, layout } = JSON.parse(content);
    await Plotly.react(place, data, layout, settings(model, Plotly, ["select", "lasso"].includes(layout.dragmode)));
    for (const event of ["plotly_click", "plotly_selected"]) place.removeAllListeners?.(event);
    place.on("plotly_click", ({ points }) => {
      const picked = points[0]?.customdata;
      if (typeof picked === "string") model.send({ picked });
      select(points);
    });
    place.on("plotly_selected", (event) => select(event?.points ?? []));
  };

  const select = (points) => {
    const selected = points.map(({ customdata }) => customdata).filter((each) => each !== undefined);
    if (selected.length) model.send({ selected });
  };

  const observer = new ResizeObserver(draw);
  observer.observe(el);
  model.on("change:content", draw);
  draw();
  return () => {
    closed = true;
    observer.disconnect();
    model.off("change:content", draw);
    globalThis.Plotly?.purge(place);
  };
}

export default { render };
