// Sends a subscription form without leaving its page. Without this file the form works as well.
(function () {
  "use strict";
  if (window.esputnikSubscribe || !window.fetch || !window.FormData) return;
  window.esputnikSubscribe = true;
  document.addEventListener("submit", function (event) {
    var form = event.target;
    if (!form.hasAttribute || !form.hasAttribute("data-esputnik-subscribe")) return;
    event.preventDefault();
    var said = form.querySelector("[role=status]");
    var button = form.querySelector("[type=submit]");
    var email = form.elements.namedItem("email");
    button.disabled = true;
    fetch(form.action, {
      method: "POST",
      body: new FormData(form),
      headers: { Accept: "application/json" },
      credentials: "same-origin",
    })
      .then(function (answer) {
        return answer.json();
      })
      .then(function (told) {
        if (told.message) form.reset();
        email.setAttribute("aria-invalid", told.message ? "false" : "true");
        said.textContent = told.message || told.error;
        if (!told.message) email.focus();
        button.disabled = false;
      })
      .catch(function () {
        form.submit(); // the ordinary way says what is wrong
      });
  });
})();
