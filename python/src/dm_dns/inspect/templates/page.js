
"use strict";
const field = document.getElementById("find");
const found = document.getElementById("found");
const rows = [...document.querySelectorAll("[data-row]")];
const cards = [...document.querySelectorAll("[data-card]")];
const texts = rows.map((row) => (row.textContent + " " + row.dataset.row).toLowerCase());
document.getElementById("search").hidden = false;
field.addEventListener("input", () => {
  const words = field.value.toLowerCase().split(/\s+/).filter(Boolean);
  const shown = new Set();
  rows.forEach((row, number) => {
    row.hidden = !words.every((word) => texts[number].includes(word));
    if (!row.hidden && row.tagName === "TR") shown.add(number);
  });
  for (const card of cards) {
    card.hidden = words.length > 0 && !card.querySelector("[data-row]:not([hidden])");
  }
  document.body.classList.toggle("searching", words.length > 0);
  found.textContent = words.length ? shown.size + (shown.size === 1 ? " name" : " names") : "";
});
