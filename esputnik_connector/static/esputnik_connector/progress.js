// Keeps the numbers of running imports fresh. When a state changes, the page itself is read anew:
// its buttons are other ones then.
"use strict";
document.addEventListener("DOMContentLoaded", () => {
  const page = document.querySelector("[data-esputnik-progress]");
  if (!page) return;
  const PAUSE = 2000; // milliseconds between two looks
  const SAMPLES = 30; // the pace is that of the last minute
  const samples = new Map();
  for (const section of page.querySelectorAll("[data-run][data-working]")) {
    samples.set(section.dataset.run, [{ at: section.dataset.at, done: section.dataset.done }]);
  }
  if (!samples.size) return;

  const show = (section, run) => {
    const bar = section.querySelector("[data-part=bar]");
    bar.max = run.total;
    bar.value = run.done;
    section.querySelector("[data-part=share]").textContent = run.share;
    section.querySelector("[data-part=pace]").textContent = run.pace;
    for (const row of run.rows) {
      const line = section.querySelector(`[data-row="${row.name}"]`);
      const count = line.querySelector("[data-part=count]");
      count.textContent = row.count;
      if (row.url) count.href = row.url;
      line.querySelector("[data-part=why]").textContent = row.why;
    }
    const alerts = section.querySelector("[data-part=alerts]");
    const told = [...alerts.children].map((item) => item.textContent);
    if (told.join("\n") === run.alerts.join("\n")) return; // else it would be read out each time
    alerts.replaceChildren(...run.alerts.map((text) => {
      const item = document.createElement("li");
      item.className = "errornote";
      item.textContent = text;
      return item;
    }));
  };

  const look = async () => {
    const asked = [...samples].map(([id, [first]]) => `run=${id}:${first.at}:${first.done}`);
    try {
      const answer = await fetch(`${page.dataset.esputnikProgress}?${asked.join("&")}`);
      if (answer.redirected || answer.status === 403) return location.reload(); // signed out
      if (answer.ok) {
        for (const run of (await answer.json()).runs) {
          const section = page.querySelector(`[data-run="${run.id}"]`);
          if (section.dataset.state !== run.state) return location.reload();
          show(section, run);
          const known = samples.get(String(run.id));
          known.push({ at: run.at, done: run.done });
          if (known.length > SAMPLES) known.shift();
        }
      }
    } catch {
      // the network or the server is away for a moment: the next look tells
    }
    setTimeout(look, PAUSE);
  };
  setTimeout(look, PAUSE);
});
