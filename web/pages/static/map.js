// The map without this is scrolled and its plates are links. With it, it is dragged, sifted while one types, and lights
// the lines of what is pointed at.
"use strict";

(() => {
  let dragged = null, moved = false;

  function light(plate) {
    const svg = plate.ownerSVGElement, on = new Set([plate.dataset.box]);
    for (const road of svg.querySelectorAll(".road")) {
      const ends = road.dataset.ends.split(" "), mine = ends.includes(plate.dataset.box);
      road.classList.toggle("on", mine);
      if (mine) ends.forEach((end) => on.add(end));
    }
    for (const other of svg.querySelectorAll(".plate")) other.classList.toggle("on", on.has(other.dataset.box));
    svg.classList.add("lit");
  }

  const plateOf = (event) => event.target.closest && event.target.closest(".plate");
  const dim = (event) => { const plate = plateOf(event); if (plate) plate.ownerSVGElement.classList.remove("lit"); };
  for (const kind of ["pointerover", "focusin"]) {
    document.addEventListener(kind, (event) => { const plate = plateOf(event); if (plate && !dragged) light(plate); });
  }
  for (const kind of ["pointerout", "focusout"]) document.addEventListener(kind, dim);

  document.addEventListener("pointerover", (event) => {
    const map = event.target.closest("[data-map]");
    if (map) map.classList.add("grab");
  });
  document.addEventListener("pointerdown", (event) => {
    const map = event.target.closest("[data-map]");
    if (!map || event.button !== 0 || event.pointerType === "touch") return;
    dragged = { map, x: event.clientX, y: event.clientY, left: map.scrollLeft, top: map.scrollTop };
    moved = false;
  });
  document.addEventListener("pointermove", (event) => {
    if (!dragged) return;
    const x = event.clientX - dragged.x, y = event.clientY - dragged.y;
    if (!moved && Math.hypot(x, y) < 5) return;
    moved = true;
    dragged.map.classList.add("grabbed");
    dragged.map.scrollTo(dragged.left - x, dragged.top - y);
  });
  document.addEventListener("pointerup", () => {
    if (dragged) dragged.map.classList.remove("grabbed");
    dragged = null;
  });
  // A drag that ends on a plate is no click on it.
  document.addEventListener("click", (event) => { if (moved && plateOf(event)) event.preventDefault(); moved = false; }, true);
  document.addEventListener("dragstart", (event) => { if (plateOf(event)) event.preventDefault(); });

  const field = document.querySelector("[data-sift]");
  if (field) {
    field.addEventListener("input", () => {
      const wanted = field.value.trim().toLowerCase(), svg = document.querySelector("[data-map] svg");
      if (!svg) return;
      svg.classList.toggle("sifted", wanted !== "");
      for (const plate of svg.querySelectorAll(".plate")) plate.classList.toggle("hit", plate.dataset.name.includes(wanted));
    });
  }
})();
