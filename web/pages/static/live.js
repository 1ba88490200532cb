// Keeps a page up to date. Without it every page still says everything; it only does not change by itself.
"use strict";

(() => {
  const POLL = 15000, RETRY = 60000, SETTLE = 120;
  const body = document.body, asof = document.getElementById("asof"), said = document.getElementById("said");
  const parts = () => [...document.querySelectorAll("[data-fragment]")].filter((part) => part.dataset.topics);
  let readAt = Date.parse(body.dataset.now), heardAt = performance.now();
  let mode = "still", wanted = new Set(), timer = 0, busy = false, poll = 0;

  const serverNow = () => readAt + (performance.now() - heardAt);

  function span(seconds) {
    if (seconds < 90) return `${Math.floor(seconds)} s`;
    if (seconds < 90 * 60) return `${Math.floor(seconds / 60)} min`;
    if (seconds < 36 * 3600) return `${Math.floor(seconds / 3600)} h`;
    return `${Math.floor(seconds / 86400)} d`;
  }

  function relative(moment) {
    const seconds = (serverNow() - moment) / 1000;
    if (Math.abs(seconds) < 2) return "now";
    return seconds < 0 ? `in ${span(-seconds)}` : `${span(seconds)} ago`;
  }

  function show(next) {
    if (next) mode = next;
    const words = { live: "live", polling: "asks every 15 s", lost: "no answer", still: "as read" };
    asof.querySelector("[data-lamp]").dataset.lamp = mode;
    asof.querySelector("[data-mode]").textContent = words[mode];
    const age = (performance.now() - heardAt) / 1000;
    asof.querySelector("[data-asof-age]").textContent = age < 2 ? "" : `${span(age)} old`;
    asof.querySelector("[data-asof]").textContent = new Date(readAt).toISOString().slice(11, 19) + " UTC";
  }

  function fresh(at) {
    const moment = Date.parse(at);
    if (moment >= readAt) { readAt = moment; heardAt = performance.now(); }
  }

  function tick() {
    for (const element of document.querySelectorAll("[data-rel]")) {
      const time = element.closest("time");
      if (time) element.textContent = relative(Date.parse(time.dateTime));
    }
    show();
  }

  // Swap one part for its newest state, keeping what the reader has opened, scrolled to and focused.
  function swap(old, html) {
    const holder = document.createElement("template");
    holder.innerHTML = html;
    const next = holder.content.querySelector("[data-fragment]");
    if (!next || !old.isConnected) return;
    const was = new Map([...old.querySelectorAll("[data-cell]")].map((cell) => [cell.dataset.cell, cell.dataset.state]));
    const scrolled = [...old.querySelectorAll(".scroll")].map((box) => [box.scrollLeft, box.scrollTop]);
    const links = [...old.querySelectorAll("a, [tabindex]")];
    const focused = links.indexOf(document.activeElement);
    const target = focused >= 0 ? links[focused].getAttribute("href") : null;
    old.replaceWith(next);
    for (const cell of next.querySelectorAll("[data-cell]")) {
      if (was.size && was.get(cell.dataset.cell) !== cell.dataset.state) cell.classList.add("changed");
    }
    next.querySelectorAll(".scroll").forEach((box, place) => { box.scrollTo(...(scrolled[place] || [0, 0])); });
    if (focused >= 0) {
      const same = [...next.querySelectorAll("a, [tabindex]")];
      (same.find((link) => target && link.getAttribute("href") === target) || same[focused] || next).focus({ preventScroll: true });
    }
    offerCopies(next);
  }

  async function refresh() {
    if (busy) return;
    busy = true;
    const topics = wanted;
    wanted = new Set();
    const stale = parts().filter((part) => part.dataset.topics.split(" ").some((topic) => topics.has("all") || topics.has(topic)));
    try {
      for (const part of stale) {
        const address = new URL(location.href);
        address.hash = "";
        address.searchParams.set("fragment", part.dataset.fragment);
        const answer = await fetch(address, { headers: { Accept: "text/html" }, cache: "no-store" });
        if (!answer.ok) throw new Error(`${answer.status}`);
        swap(part, await answer.text());
        fresh(answer.headers.get("X-Page-Read-At") || "");
      }
      if (stale.length) { said.textContent = `Updated ${new Date(readAt).toISOString().slice(11, 19)} UTC`; tick(); }
      if (mode === "lost") show(poll ? "polling" : "live");
    } catch (fault) {
      topics.forEach((topic) => wanted.add(topic));
      show("lost");
      later(5000);
    } finally {
      busy = false;
      if (wanted.size && !timer) later(SETTLE);
    }
  }

  function later(milliseconds) {
    clearTimeout(timer);
    timer = setTimeout(() => { timer = 0; refresh(); }, milliseconds);
  }

  function ask(topics) {
    topics.forEach((topic) => wanted.add(topic));
    if (wanted.size) later(SETTLE);
  }

  function startPolling() {
    if (poll) return;
    show("polling");
    poll = setInterval(() => { if (!document.hidden) ask(["all"]); }, POLL);
  }

  function stopPolling() {
    clearInterval(poll);
    poll = 0;
  }

  function reader() {
    const made = sessionStorage.getItem("reader") || crypto.randomUUID();
    sessionStorage.setItem("reader", made);
    return made;
  }

  // The browser reconnects by itself and sends Last-Event-ID; only a refused stream (503) closes for good.
  function listen(since) {
    const stream = new EventSource(`${body.dataset.live}?since=${since}&reader=${reader()}`);
    const hear = (event) => {
      const news = JSON.parse(event.data);
      body.dataset.stamp = event.lastEventId;
      fresh(news.at);
      stopPolling();
      show("live");
      if (news.topics) ask(news.topics.split(" "));
    };
    stream.addEventListener("change", hear);
    stream.addEventListener("beat", hear);
    stream.addEventListener("error", () => {
      if (stream.readyState !== EventSource.CLOSED) { show("lost"); return; }
      startPolling();
      setTimeout(() => listen(body.dataset.stamp), RETRY);
    });
    addEventListener("pagehide", () => stream.close(), { once: true });
  }

  function offerCopies(root) {
    if (!navigator.clipboard) return;
    for (const code of root.querySelectorAll("code[data-copy]")) {
      const button = document.createElement("button");
      button.type = "button";
      button.textContent = "Copy";
      button.addEventListener("click", async () => {
        await navigator.clipboard.writeText(code.textContent);
        button.textContent = "Copied";
        setTimeout(() => { button.textContent = "Copy"; }, 1500);
      });
      code.after(button);
    }
  }

  offerCopies(document);
  setInterval(tick, 1000);
  if (body.dataset.live && window.EventSource) listen(body.dataset.stamp);
  else if (parts().length) startPolling();
  addEventListener("pageshow", (event) => { if (event.persisted) location.reload(); });
})();
