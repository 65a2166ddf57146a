// Draws every figure that the report carries as JSON, once; no other code runs on the page.
"use strict";
const PAPER_PX = 688; // A4 within the margins of the print style

function draw(holder) {
  const place = holder.querySelector(".plot");
  const figure = JSON.parse(holder.querySelector("script").textContent);
  const margin = { t: figure.layout.title?.text ? 64 : 28, ...figure.layout.margin };
  const below = place.clientWidth < 560 ? { orientation: "h", x: 0, xanchor: "left", y: -0.25, yanchor: "top" } : {};
  const legend = { ...figure.layout.legend, ...below };
  const layout = { ...figure.layout, margin, legend, autosize: !figure.layout.width };
  const config = { ...figure.config, responsive: true, displaylogo: false, showLink: false, showSendToCloud: false };
  place.style.height = `${figure.layout.height || 450}px`;
  Plotly.newPlot(place, { ...figure, layout, config }).catch((error) => {
    place.classList.add("undrawn");
    place.textContent = `This figure could not be drawn: ${error.message}`;
    console.error(error);
  });
  if (layout.autosize) {
    addEventListener("beforeprint", () => Plotly.relayout(place, { autosize: false, width: PAPER_PX }));
    addEventListener("afterprint", () => Plotly.relayout(place, { autosize: true, width: null }));
  }
}

document.querySelectorAll("main > .figure").forEach(draw);
