// What moves on the report page. All figures were computed before; nothing is computed anew here.
const data = JSON.parse(document.getElementById("data").textContent);
const colours = JSON.parse(document.getElementById("colours").textContent);

const seconds = (value) => `${value.toFixed(2)} s`;
const element = (tag, text) => {
  const made = document.createElement(tag);
  if (text !== undefined) made.textContent = text;
  return made;
};

// -- steps -------------------------------------------------------------------------------------
const dialog = document.getElementById("step");

function open(run, id) {
  const step = data.steps[run][id];
  if (!step) return;
  document.getElementById("step-name").textContent = `${step.name} (${step.kind})`;
  const figures = { seconds: step.seconds, status: step.status, ...step.figures };
  if (step.error) figures.error = step.error;
  document.getElementById("step-figures").replaceChildren(
    ...Object.entries(figures).flatMap(([name, value]) => [
      element("dt", name.replaceAll("_", " ")),
      element("dd", typeof value === "object" ? JSON.stringify(value) : String(value)),
    ]),
  );
  const texts = Object.entries(step.texts).flatMap(([name, value]) => [
    element("h4", name),
    ...parts(value),
  ]);
  const none = step.kind === "llm" ? [element("p", "The trace holds no texts: run with --record-text.")] : [];
  document.getElementById("step-texts").replaceChildren(...(texts.length ? texts : none));
  dialog.showModal();
}

function parts(value) {
  if (!Array.isArray(value)) {
    return [element("pre", typeof value === "string" ? value : JSON.stringify(value, null, 2))];
  }
  return value.map((message) =>
    element("pre", message.content === undefined ? JSON.stringify(message, null, 2) : `${message.role}:\n${message.content}`),
  );
}

for (const table of document.querySelectorAll("table.steps")) {
  table.addEventListener("click", (event) => {
    const button = event.target.closest("button[data-step]");
    if (button) open(Number(table.dataset.run), button.dataset.step);
  });
}

for (const more of document.querySelectorAll("button.more")) {
  more.addEventListener("click", () => {
    const place = more.parentElement;
    place.previousElementSibling.querySelector("tbody").append(place.querySelector("template").content);
    place.remove();
  });
}

// -- projections -------------------------------------------------------------------------------
const section = document.getElementById("projections");

// As wide as the time that it stands for, against the measured run.
function bar(box, shares, part) {
  const names = Object.keys(colours);
  box.replaceChildren(
    ...names.map((name) => {
      const piece = element("span");
      piece.style.width = `${100 * shares[name] * part}%`;
      piece.style.background = colours[name];
      piece.title = `${name} ${(100 * shares[name]).toFixed(1)}%`;
      return piece;
    }),
  );
  const told = names.map((name) => `${name} ${(100 * shares[name]).toFixed(0)}%`);
  box.setAttribute("aria-label", told.join(", "));
}

function nearest(points, rate) {
  const distance = (point) => Math.abs(Math.log(point.decode / rate));
  return points.reduce((best, point, n) => (distance(point) < distance(points[best]) ? n : best), 0);
}

data.projections.forEach((projection, number) => {
  const shown = document.getElementById("projection").content.cloneNode(true);
  const [slider, rate, figures] = ["input", "output.rate", "p.figures"].map((name) => shown.querySelector(name));
  const [measured, projected] = [".measured", ".projected"].map((name) => shown.querySelector(name));
  shown.querySelector("h2").textContent = `${projection.workflow}: what faster decoding would bring`;
  shown.querySelector(".chart").id = `projection-${number}`;
  shown.querySelector(".breaks").replaceChildren(
    ...projection.break_even.map((point) =>
      element("li", `beyond ${point.decode.toFixed(0)} tok/s, ${point.category} takes more than decode`),
    ),
  );
  slider.max = projection.points.length - 1;
  slider.value = nearest(projection.points, 600);
  const update = () => {
    const point = projection.points[Number(slider.value)];
    rate.textContent = point.decode;
    slider.setAttribute("aria-valuetext", `${point.decode} tokens a second`);
    const spread = point.low_s === null ? "" : ` (${seconds(point.low_s)} to ${seconds(point.high_s)})`;
    figures.textContent =
      `${seconds(projection.measured_s)} → ${seconds(point.wall_s)}${spread}, ${point.speedup.toFixed(2)}x; ` +
      `ceiling ${projection.ceiling_speedup.toFixed(2)}x (${seconds(projection.ceiling_s)})`;
    bar(projected, point.shares, Math.min(1, point.wall_s / projection.measured_s));
  };
  bar(measured, projection.shares, 1);
  slider.addEventListener("input", update);
  update();
  section.append(shown);
});

// -- charts ------------------------------------------------------------------------------------
const dark = window.matchMedia("(prefers-color-scheme: dark)");

function look() {
  const ink = dark.matches ? "#ddd" : "#222";
  const line = dark.matches ? "#444" : "#ddd";
  return {
    background: "transparent",
    view: { stroke: null },
    axis: { labelColor: ink, titleColor: ink, gridColor: line, domainColor: line, tickColor: line },
    legend: { labelColor: ink, titleColor: ink },
  };
}

async function draw() {
  const options = { actions: false, renderer: "canvas", config: look() };
  for (const [number, chart] of data.waterfalls.entries()) {
    const { view } = await window.vegaEmbed(`#waterfall-${number}`, chart, options);
    view.addEventListener("click", (event, item) => {
      if (item && item.datum && item.datum.id) open(number, item.datum.id);
    });
  }
  for (const [number, projection] of data.projections.entries()) {
    await window.vegaEmbed(`#projection-${number}`, projection.chart, options);
  }
  document.documentElement.dataset.drawn = "yes";
}

dark.addEventListener("change", draw);
draw();
