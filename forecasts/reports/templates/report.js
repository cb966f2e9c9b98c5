"use strict";
// Charts: colours are CSS variables, so a change of theme needs no new drawing.
const specs = JSON.parse(document.getElementById("specs").textContent);
for (const place of document.querySelectorAll("[data-chart]")) {
  window
    .vegaEmbed(place, specs[place.dataset.chart], {
      mode: "vega-lite",
      renderer: "svg",
      actions: false,
      tooltip: { theme: "custom" },
    })
    .catch((error) => {
      place.textContent = "This chart could not be drawn; its numbers are in the table.";
      console.error(error);
    });
}

// Filter of the assumption register: shown only here, since it does nothing without script.
const filter = document.getElementById("filter");
if (filter) {
  const rows = [...document.querySelectorAll("#register tbody tr")];
  filter.closest("p").hidden = false;
  filter.addEventListener("input", () => {
    const wanted = filter.value.trim().toLowerCase();
    for (const row of rows) row.hidden = !row.textContent.toLowerCase().includes(wanted);
    const left = rows.filter((row) => !row.hidden).length;
    document.getElementById("filtered").textContent = `${left} of ${rows.length}`;
  });
}

// On paper nothing can be unfolded.
addEventListener("beforeprint", () => {
  for (const part of document.querySelectorAll("details")) part.open = true;
});
