// Keys of a page. An element with data-key="x" is pressed when that key is (a field is gone to); a key that no
// element has becomes the event "vigie:key". "?" opens the help. Nothing happens while somebody types, nor once they
// said in the help that they want none of it (https://www.w3.org/WAI/WCAG22/Understanding/character-key-shortcuts).
"use strict";

(() => {
  const STORED = "vigie.keys";
  const help = document.getElementById("keys");
  const on = document.getElementById("keys-on");

  const typing = (at) => at.isContentEditable || /^(TEXTAREA|SELECT)$/.test(at.tagName)
    || (at.tagName === "INPUT" && !/^(checkbox|radio|button|submit)$/.test(at.type));
  const wanted = () => { try { return localStorage.getItem(STORED) !== "off"; } catch { return true; } };

  for (const hidden of document.querySelectorAll("[data-key][hidden]")) hidden.hidden = false;
  if (on) {
    on.checked = wanted();
    on.addEventListener("change", () => {
      try { localStorage.setItem(STORED, on.checked ? "on" : "off"); } catch { /* it holds for this page */ }
    });
  }
  document.addEventListener("click", (event) => {
    if (help && event.target.closest('[data-key="?"]')) help.showModal();
  });

  document.addEventListener("keydown", (event) => {
    if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey || typing(event.target)) return;
    if (document.querySelector("dialog[open]") || !(on ? on.checked : wanted())) return;
    const target = document.querySelector(`[data-key="${CSS.escape(event.key)}"]`);
    if (!target) {
      // A page's own script may know what to do.
      if (!document.dispatchEvent(new CustomEvent("vigie:key", { detail: event.key, cancelable: true }))) event.preventDefault();
      return;
    }
    event.preventDefault();
    if (typing(target)) {
      target.focus();
      if (target.select) target.select();
    } else target.click();
  });
})();
