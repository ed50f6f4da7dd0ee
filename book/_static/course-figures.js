// Draws every figure of the page from the JSON beside it, at the width there is, in the colours of the theme.
(() => {
  "use strict";

  const CHARACTER = 10.5; // pixels of a title's character, roughly
  const CONFIG = { displaylogo: false, displayModeBar: false, responsive: false, scrollZoom: false };

  // Plotly does not break lines: break the title where the figure is narrow.
  function wrap(text, width) {
    const most = Math.max(16, Math.floor((width - 40) / CHARACTER));
    const lines = [""];
    for (const word of text.split(" ")) {
      const line = lines[lines.length - 1];
      if (line && line.length + word.length + 1 > most) lines.push(word);
      else lines[lines.length - 1] = line ? `${line} ${word}` : word;
    }
    return lines.join("<br>");
  }

  function themed(layout, width) {
    const style = getComputedStyle(document.documentElement);
    const ink = style.getPropertyValue("--pst-color-text-base").trim();
    const surface = style.getPropertyValue("--pst-color-surface").trim();
    const title = typeof layout.title === "string" ? { text: layout.title } : { ...layout.title };
    const margin = { ...layout.template?.layout?.margin, ...layout.margin };
    if (title.text && !title.text.includes("<")) {
      title.text = wrap(title.text, width);
      margin.t = (margin.t ?? 100) + 22 * (title.text.split("<br>").length - 1);
    }
    const axes = Object.entries(layout).filter(([key, axis]) => key.startsWith("xaxis") && axis.title?.text);
    const wrapped = axes.map(([key, axis]) => [
      key,
      { ...axis, title: { ...axis.title, text: wrap(axis.title.text, width - (margin.l ?? 80)) } },
    ]);
    // A legend below the plot goes to the very bottom, whatever the height: measured from the plot it meets the axis title.
    const legend = { ...layout.template?.layout?.legend, ...layout.legend };
    if (legend.orientation === "h" && legend.y < 0) Object.assign(legend, { yref: "container", y: 0, yanchor: "bottom" });
    return {
      ...layout,
      ...Object.fromEntries(wrapped),
      title,
      legend,
      margin,
      width,
      autosize: false,
      dragmode: matchMedia("(pointer: coarse)").matches ? false : layout.dragmode,
      font: { ...layout.font, color: ink },
      hoverlabel: { bgcolor: surface, bordercolor: ink, font: { color: ink }, ...layout.hoverlabel },
      paper_bgcolor: "rgba(0,0,0,0)",
      plot_bgcolor: "rgba(0,0,0,0)",
    };
  }

  async function draw(figure) {
    const width = Math.floor(Math.min(figure.box.clientWidth, figure.layout.width || Infinity));
    if (width < 1) return; // inside something collapsed: the observer comes back when it opens
    figure.width = figure.box.clientWidth;
    await Plotly.react(figure.plot, figure.data, themed(figure.layout, width), CONFIG);
    figure.box.dataset.width = figure.box.clientWidth;
    figure.box.dataset.drawn = document.documentElement.dataset.theme || "light";
  }

  const figures = [...document.querySelectorAll(".course-figure")].map((box) => {
    const { data = [], layout = {} } = JSON.parse(box.querySelector("script").textContent);
    const plot = document.createElement("div");
    box.append(plot);
    return { box, plot, data, layout, width: 0 };
  });

  const sizes = new ResizeObserver((entries) => {
    for (const { target } of entries) {
      const figure = figures.find(({ box }) => box === target);
      if (target.clientWidth !== figure.width) draw(figure);
    }
  });
  figures.forEach(({ box }) => sizes.observe(box));

  new MutationObserver(() => figures.forEach(draw)).observe(document.documentElement, {
    attributeFilter: ["data-theme"],
  });
})();
