// Keeps the dashboard up to date, carries long work on, and ticks a page's boxes. Pages work without it.
"use strict";

(() => {
  const EVERY_MS = 2000;
  const BETWEEN_ROUNDS_MS = 150;

  const region = document.querySelector("[data-syncqueue-live]");
  const stale = document.querySelector("[data-syncqueue-stale]");
  let busy = false;
  let timer = null;

  const parts = (root) => new Map([...root.querySelectorAll("[data-key]")].map((part) => [part.dataset.key, part]));

  // What each part was sent as: the page itself differs from that once somebody opens or selects something.
  const sent = new Map(region ? [...parts(region)].map(([key, part]) => [key, part.innerHTML]) : []);

  const focused = () => {
    const element = document.activeElement;
    return region.contains(element) ? element.getAttribute("href") : null;
  };

  const show = (fresh) => {
    const now = parts(region);
    const next = parts(fresh);
    const href = focused();
    if ([...now.keys()].join() !== [...next.keys()].join()) {
      region.innerHTML = fresh.innerHTML;
      sent.clear();
    }
    for (const [key, part] of next) {
      if (sent.has(key) && sent.get(key) !== part.innerHTML) now.get(key).innerHTML = part.innerHTML;
      sent.set(key, part.innerHTML);
    }
    if (href && !focused()) region.querySelector(`a[href="${CSS.escape(href)}"]`)?.focus({ preventScroll: true });
  };

  const refresh = async () => {
    if (busy || document.hidden) return;
    busy = true;
    try {
      const answer = await fetch(region.dataset.syncqueueLive, { credentials: "same-origin", redirect: "manual" });
      if (answer.type === "opaqueredirect" || answer.status === 403) {
        window.location.reload(); // logged out, or not allowed any more: the page itself says so
        return;
      }
      if (!answer.ok) throw new Error(String(answer.status));
      show(new DOMParser().parseFromString(await answer.text(), "text/html").body);
      stale.hidden = true;
    } catch {
      stale.hidden = false;
    } finally {
      busy = false;
    }
  };

  const watch = () => {
    window.clearInterval(timer);
    timer = null;
    if (document.hidden) return;
    timer = window.setInterval(refresh, EVERY_MS);
  };

  if (region) {
    document.addEventListener("visibilitychange", () => {
      watch();
      refresh();
    });
    watch();
  }

  const longWork = document.querySelector("form[data-syncqueue-go-on]");
  // A page that "Back" or a reload brings up again shows an old position: it waits for a person to press the button.
  const isNew = window.performance.getEntriesByType("navigation")[0]?.type === "navigate";
  if (longWork && isNew) window.setTimeout(() => longWork.requestSubmit(), BETWEEN_ROUNDS_MS);

  document.querySelector("input[data-syncqueue-all]")?.addEventListener("change", (event) => {
    for (const box of event.target.form.querySelectorAll('input[name="id"]')) box.checked = event.target.checked;
  });
})();
