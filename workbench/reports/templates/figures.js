// Draws every figure that the report carries as JSON, once; no other code runs on the page.
"use strict";
for (const holder of document.querySelectorAll("main > .figure")) {
  const place = holder.querySelector(".plot");
  const figure = JSON.parse(holder.querySelector("script").textContent);
  place.style.height = `${figure.layout.height || 450}px`;
  const layout = { ...figure.layout, autosize: !figure.layout.width };
  const config = { ...figure.config, responsive: true, displaylogo: false, showLink: false, showSendToCloud: false };
  Plotly.newPlot(place, { ...figure, layout, config }).catch((error) => {
    place.classList.add("undrawn");
    place.textContent = `This figure could not be drawn: ${error.message}`;
    console.error(error);
  });
}
