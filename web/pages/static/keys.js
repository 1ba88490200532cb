// What the keyboard does beyond the browser: / finds, j and k walk through a list, Enter then follows as always.
"use strict";

(() => {
  const rows = () => [...document.querySelectorAll("main tbody tr, main .notice, main .queue, main .timeline li")]
    .map((row) => row.querySelector("a[href]")).filter((link) => link && link.getClientRects().length);

  function walk(step) {
    const links = rows();
    if (!links.length) return;
    const at = links.indexOf(document.activeElement);
    const next = links[at < 0 ? (step > 0 ? 0 : links.length - 1) : Math.min(Math.max(at + step, 0), links.length - 1)];
    next.focus();
    next.scrollIntoView({ block: "nearest" });
  }

  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.target.closest("input, select, textarea")) return;
    if (event.key === "/") {
      // The page's own search comes before the one of the board.
      const field = document.querySelector("main input[type=search]") || document.getElementById("find");
      if (!field) return;
      event.preventDefault();
      field.focus();
      field.select();
    } else if (event.key === "j") walk(1);
    else if (event.key === "k") walk(-1);
  });

  // On a narrow screen the tabs scroll: the one that is open is brought into view.
  const open = document.querySelector(".tabs [aria-current]");
  const tabs = open && open.closest(".tabs");
  if (tabs && open.offsetLeft + open.offsetWidth > tabs.clientWidth) tabs.scrollLeft = open.offsetLeft - 60;
})();
