"use strict";
(() => {
  const figures = JSON.parse(document.getElementById("figures").textContent);
  const options = { responsive: true, displayModeBar: false, displaylogo: false };
  const places = Array.from(document.querySelectorAll("[data-figure]"));
  const chosen = new Map();
  const night = window.matchMedia("(prefers-color-scheme: dark)");
  // What is dark on white becomes light on black; paper is always white.
  const nightly = {
    "#ffffff": "#111827", "#1f2937": "#e5e7eb", "#e5e7eb": "#374151", "#9ca3af": "#6b7280",
    "#6b7280": "#9ca3af", "#0072B2": "#56B4E9", "#9a6700": "#E69F00",
  };
  let printing = false;

  function coloured(part) {
    if (!night.matches || printing) return part;
    return JSON.parse(JSON.stringify(part).replace(/"(#[0-9a-fA-F]{6})"/g, (whole, code) =>
      code in nightly ? `"${nightly[code]}"` : whole));
  }

  function shown(number) {
    const figure = figures[number];
    return figure.choices.length ? figure.choices[chosen.get(number) || 0] : figure;
  }

  // Labels come escaped, since plotly reads a little HTML in them.
  function shortened(label, length) {
    const text = label.replace(/&lt;/g, "<").replace(/&gt;/g, ">").replace(/&amp;/g, "&");
    if (text.length <= length) return label;
    const cut = text.slice(0, length - 1) + "…";
    return cut.replace(/&/g, "&amp;").replace(/</g, "&lt;").replace(/>/g, "&gt;");
  }

  function named(axis, length, every) {
    const kept = (value, place) => place % every === 0;
    return {
      ...axis,
      tickvals: axis.tickvals.filter(kept),
      ticktext: axis.ticktext.filter(kept).map((label) => shortened(label, length)),
    };
  }

  // Square cells as large as there is room for; where names would overlap, only every second, third, … stands.
  function squared(width, layout) {
    const count = layout.xaxis.tickvals.length;
    const narrow = width < 480;
    const margin = { l: narrow ? 92 : 130, r: narrow ? 52 : 64, t: 8, b: narrow ? 92 : 130 };
    const most = printing ? 400 : 700;
    const side = Math.max(120, Math.min(width - margin.l - margin.r, Math.max(240, 44 * count), most));
    const every = Math.ceil((12 * count) / side);
    const length = narrow ? 13 : 18;
    const small = narrow ? { automargin: false, tickfont: { size: 10 } } : { automargin: false };
    return {
      ...layout,
      margin,
      autosize: false,
      width: margin.l + side + margin.r,
      height: margin.t + side + margin.b,
      xaxis: { ...named(layout.xaxis, length, every), ...small },
      yaxis: { ...named(layout.yaxis, length, every), ...small },
    };
  }

  // A narrow screen has no room for long names beside a figure.
  function fitted(place, layout) {
    const width = place.clientWidth;
    if (isSquare(place)) return squared(width, layout);
    if (width >= 480) return layout;
    if (layout.yaxis.ticktext) return { ...layout, yaxis: named(layout.yaxis, 14, 1) };
    if (!layout.xaxis.ticktext) return layout;
    const every = Math.ceil((16 * layout.xaxis.tickvals.length) / (width - 70));
    return { ...layout, xaxis: { ...named(layout.xaxis, 18, every), tickangle: layout.xaxis.tickangle ? -90 : 0 } };
  }

  function isSquare(place) {
    const { layout } = shown(Number(place.dataset.figure));
    return Boolean(layout.meta && layout.meta.square);
  }

  function draw(place) {
    const number = Number(place.dataset.figure);
    const { data, layout } = shown(number);
    place.dataset.drawn = "yes";
    place.style.minHeight = "";
    return Plotly.react(place, coloured(data), coloured(fitted(place, layout)), options);
  }

  function choose(number, choice) {
    const count = figures[number].choices.length;
    const next = (choice + count) % count;
    chosen.set(number, next);
    document.querySelector(`[data-picks="${number}"]`).value = String(next);
    document.querySelectorAll(`[data-pick][data-of="${number}"]`).forEach((button) => {
      button.setAttribute("aria-pressed", String(Number(button.dataset.pick) === next));
    });
    draw(document.querySelector(`[data-figure="${number}"]`));
  }

  document.querySelectorAll("[data-picks]").forEach((select) => {
    select.addEventListener("change", () => choose(Number(select.dataset.picks), Number(select.value)));
  });
  document.querySelectorAll("[data-step]").forEach((button) => {
    button.addEventListener("click", () => {
      const number = Number(button.dataset.of);
      choose(number, (chosen.get(number) || 0) + Number(button.dataset.step));
    });
  });
  document.querySelectorAll("[data-pick]").forEach((button) => {
    button.addEventListener("click", () => {
      const number = Number(button.dataset.of);
      choose(number, Number(button.dataset.pick));
      document.querySelector(`[data-figure="${number}"]`).closest("article").scrollIntoView({ block: "start" });
    });
  });

  // Fifty columns make many figures: each is drawn when it comes near the window.
  const watcher = new IntersectionObserver((entries) => {
    for (const entry of entries) {
      if (entry.isIntersecting) {
        watcher.unobserve(entry.target);
        draw(entry.target);
      }
    }
  }, { rootMargin: "400px" });
  places.forEach((place) => watcher.observe(place));

  night.addEventListener("change", () => places.filter((place) => place.dataset.drawn).forEach(draw));

  // Paper shows everything but the tables behind the figures: figures at the width of a page, explanations open.
  let opened = [];
  window.addEventListener("beforeprint", () => {
    printing = true;
    document.body.classList.add("printing");
    opened = Array.from(document.querySelectorAll("article details:not([open]), #promise details:not([open])"))
      .filter((details) => !details.classList.contains("numbers"));
    opened.forEach((details) => { details.open = true; });
    places.forEach((place) => {
      draw(place);
      if (!isSquare(place)) Plotly.relayout(place, { width: place.clientWidth, autosize: false });
    });
  });
  window.addEventListener("afterprint", () => {
    printing = false;
    document.body.classList.remove("printing");
    opened.forEach((details) => { details.open = false; });
    places.forEach((place) => {
      draw(place);
      if (!isSquare(place)) Plotly.relayout(place, { width: null, autosize: true });
    });
  });

  let waiting = 0;
  window.addEventListener("resize", () => {
    clearTimeout(waiting);
    waiting = setTimeout(() => places.filter((place) => place.dataset.drawn && isSquare(place)).forEach(draw), 150);
  });
})();
