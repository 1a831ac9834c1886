// A page whose part #live is fetched anew when something happened. Whoever is in a form or marks words is left alone.
"use strict";

(() => {
  const PAUSE = 5000;
  const status = document.querySelector(".live");
  const part = () => document.getElementById("live");
  let source = null, last = Date.now(), planned = 0;

  function busy() {
    const marked = getSelection();
    return part().contains(document.activeElement) || (!marked.isCollapsed && part().contains(marked.anchorNode));
  }

  function soon() {
    if (planned || document.hidden) return;
    planned = setTimeout(() => { planned = 0; refresh(); }, Math.max(0, last + PAUSE - Date.now()) + Math.random() * 500);
  }

  async function refresh() {
    if (busy()) { soon(); return; }
    last = Date.now();
    try {
      const answer = await fetch(location.href, { headers: { "X-Fragment": "live" }, credentials: "same-origin" });
      const page = new DOMParser().parseFromString(await answer.text(), "text/html");
      if (answer.ok && page.getElementById("live")) part().replaceWith(page.getElementById("live"));
    } catch { status.textContent = status.dataset.off; }
  }

  function listen() {
    if (source || document.hidden) return;
    source = new EventSource(`/live?after=${part().dataset.head}`);
    source.addEventListener("open", () => { status.textContent = status.dataset.on; });
    source.addEventListener("change", soon);
    source.addEventListener("error", () => { status.textContent = status.dataset.off; });
  }

  function stop() { source?.close(); source = null; }

  document.addEventListener("visibilitychange", () => { if (document.hidden) stop(); else { listen(); soon(); } });
  addEventListener("pagehide", stop);
  status.textContent = status.dataset.off;
  listen();
})();
