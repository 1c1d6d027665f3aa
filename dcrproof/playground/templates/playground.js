// Draws the last request again as soon as there is more of it, and copies commands. All else works without this.
"use strict";
(() => {
  const EVERY = 700; // milliseconds

  const section = document.getElementById("last");
  const live = document.getElementById("live");

  async function look() {
    if (document.hidden) return;
    const seen = document.getElementById("drawn").dataset.seen;
    const answer = await fetch(`/requests/last?seen=${encodeURIComponent(seen)}`, { cache: "no-store" });
    if (answer.status !== 200) return;
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    const drawn = document.getElementById("drawn");
    const open = drawn.querySelector("details")?.open;
    const fresh = page.getElementById("drawn");
    fresh.classList.add("fresh");
    if (open) fresh.querySelector("details")?.setAttribute("open", "");
    drawn.replaceWith(fresh);
  }

  async function watch() {
    try {
      await look();
      live.textContent = "Drawn as it happens.";
    } catch {
      live.textContent = "dcrproof serve does not answer: it was stopped.";
    }
    setTimeout(watch, EVERY);
  }

  if (section && live) watch();

  for (const button of document.querySelectorAll(".copy")) {
    if (!navigator.clipboard) break;
    button.hidden = false;
    button.addEventListener("click", async () => {
      await navigator.clipboard.writeText(button.parentElement.querySelector("pre").textContent);
      button.textContent = "Copied";
    });
  }
})();
