// Buttons with data-esputnik-copy="id of a field" copy what is in it.
"use strict";
document.addEventListener("click", async (event) => {
  const button = event.target.closest("[data-esputnik-copy]");
  if (!button) return;
  const field = document.getElementById(button.dataset.esputnikCopy);
  field.focus();
  field.select();
  try {
    await navigator.clipboard.writeText(field.value);
  } catch {
    document.execCommand("copy"); // without https there is no clipboard API
  }
  button.textContent = button.dataset.esputnikDone;
});
