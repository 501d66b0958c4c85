/* Hands what a page tells to eSputnik's script. Needs nothing, and never throws.
 *
 * The page gives JSON in <script type="application/json" id="esputnik-…">. What is personal
 * (who it is, what is in the cart) comes from a small address that no cache keeps.
 *
 * For the shop's own scripts, on document:
 *   new CustomEvent("esputnik:product", {detail: {productKey: "17"}})  another variation is shown
 *   new Event("esputnik:cart")      the cart or the customer changed without a new page
 *   new Event("esputnik:consent")   the visitor answered the consent banner
 */
(function (window, document) {
  "use strict";
  if (window.esputnikTracking) { window.esputnikTracking(); return; } // swapped in with a page
  var me = document.currentScript;
  var page = {events: [], after: [], seen: []};
  var held = []; // what the visitor has not allowed, or not yet
  var waiting = []; // allowed, but eSputnik's script is not there yet
  var allowed; // undefined: not known yet; null: everything; else names
  var isLoaded = false;
  var isAsking = false;
  var asksAgain = false;
  var shows = []; // keys of variations that were looked at and are not told yet
  var isBegun = false;
  var shownProduct = null;
  var memory = {};
  var MARK = "esputnik_mark";

  function guarded(work) {
    return function (given) {
      try { return work(given); } catch (error) { return undefined; }
    };
  }

  function kept(storage, name, value) {
    try {
      var place = window[storage];
      if (value === undefined) { return place.getItem("esputnik." + name); }
      place.setItem("esputnik." + name, value);
    } catch (error) { /* the browser keeps nothing for this site: this page does */ }
    if (value !== undefined) { memory[name] = value; }
    return name in memory ? memory[name] : null;
  }

  function cookie(name) {
    var found = ("; " + document.cookie).split("; " + name + "=");
    return found.length > 1 ? found[1].split(";")[0] : "";
  }

  function saysNo() {
    var dnt = window.navigator.doNotTrack || window.doNotTrack;
    return Boolean(page.honours && (window.navigator.globalPrivacyControl || dnt === "1"));
  }

  function allows(type) {
    return !saysNo() && (allowed === null || (allowed || []).indexOf(type) >= 0);
  }

  function flush() {
    if (typeof window.eS !== "function") { return; }
    waiting.splice(0).forEach(guarded(function (call) { window.eS.apply(window, call); }));
  }

  function tell(call) {
    if (allowed === undefined || (page.asks && !allows(call[1]))) {
      held.push(call); // the visitor may agree while still on this page
    } else if (allows(call[1])) {
      waiting.push(call);
      flush();
    }
  }

  /* eSputnik's own snippet, unchanged: run as if it stood in the page. */
  function load() {
    if (isLoaded || !page.script || !allows("PageView")) { return; }
    isLoaded = true;
    var box = document.createElement("template");
    box.innerHTML = page.script;
    Array.prototype.slice.call(box.content.childNodes).forEach(function (node) {
      var fresh = node;
      if (node.nodeName === "SCRIPT") {
        fresh = document.createElement("script");
        Array.prototype.slice.call(node.attributes).forEach(function (one) {
          fresh.setAttribute(one.name, one.value);
        });
        if (me && me.nonce) { fresh.nonce = me.nonce; }
        fresh.text = node.text;
      }
      document.body.appendChild(fresh);
    });
  }

  function know(names) {
    allowed = names;
    load();
    held.splice(0).forEach(tell);
  }

  /* What is told once only: the customer and the cart as they are now. */
  function once(name, one) {
    if (one && kept("localStorage", name) !== one.id && allows(one.call[1])) {
      kept("localStorage", name, one.id);
      tell(one.call);
    }
  }

  /* Another tab may have told a younger state of this cart while this one waited. */
  function isYoungest(cart) {
    var last = (kept("localStorage", "cartAt") || "").split(" ");
    if (!cart || (last[0] === cart.of && Number(last[1]) > cart.at)) { return false; }
    kept("localStorage", "cartAt", cart.of + " " + cart.at);
    return true;
  }

  function isDue() {
    var isNew = !kept("sessionStorage", "asked") || page.always;
    return isNew || cookie(MARK) !== kept("localStorage", "mark");
  }

  function answered(answer, mark) {
    kept("localStorage", "mark", mark);
    kept("sessionStorage", "asked", "1");
    if (page.asks) {
      kept("localStorage", "allowed", JSON.stringify(answer.allowed)); // for other tabs too
      know(answer.allowed);
    }
    once("customer", answer.customer);
    answer.calls.forEach(tell);
    afterwards();
    if (isYoungest(answer.cart)) { once("cart", answer.cart); }
  }

  function afterwards() {
    page.after.splice(0).forEach(guarded(function (call) {
      var order = call[2] && call[2].OrderNumber;
      if (order && kept("localStorage", "order") === order) { return; }
      if (order) { kept("localStorage", "order", order); }
      tell(call);
    }));
  }

  function ask(more) {
    if (!page.visit || !window.fetch || saysNo()) { shows = []; afterwards(); return; }
    if (isAsking && !more) { asksAgain = true; return; }
    isAsking = true;
    var mark = cookie(MARK);
    var body = more || {};
    body.url = window.location.href.split("#")[0].slice(0, 4000);
    body.seen = page.seen.splice(0);
    function over() {
      isAsking = false;
      afterwards();
      if (body.product) { shows.shift(); showNext(); }
      if (asksAgain) { asksAgain = false; ask(); }
    }
    window.fetch(page.visit, {
      method: "POST", credentials: "same-origin", cache: "no-store", keepalive: true,
      headers: {"Content-Type": "application/json"}, body: JSON.stringify(body)
    }).then(function (response) {
      if (!response.ok) { throw new Error(response.status); }
      return response.json();
    }).then(function (answer) { answered(answer, mark); }).then(over, over);
  }

  /* A page that was seen is told with the cookie of eSputnik's script, which makes it. */
  function askWithCookie(tries) {
    if (page.seen.length && page.script && !cookie("sc") && tries > 0) {
      window.setTimeout(guarded(function () { askWithCookie(tries - 1); }), 250);
    } else {
      ask();
    }
  }

  function show(key) {
    key = String(key === undefined || key === null ? "" : key);
    if (!key || key === shownProduct) { return; }
    shownProduct = key;
    shows.push(key);
    if (shows.length === 1) { showNext(); }
  }

  /* One after another: what was looked at last is told last. */
  function showNext() {
    if (shows.length) { ask({product: shows[0]}); }
  }

  function collect() {
    var blocks = document.querySelectorAll('script[type="application/json"][id^="esputnik-"]');
    Array.prototype.slice.call(blocks).forEach(guarded(function (block) {
      if (block.esputnikRead) { return; }
      block.esputnikRead = true;
      var given = JSON.parse(block.textContent);
      if (block.id === "esputnik-page") {
        shownProduct = given.product || null;
        if (isBegun && given.views) { page.events.push(["sendEvent", "PageView", {PageView: {}}]); }
      }
      Object.keys(given).forEach(function (name) {
        var before = page[name];
        page[name] = Array.isArray(before) ? before.concat(given[name]) : given[name];
      });
    }));
  }

  function tellPage() {
    collect();
    page.events.splice(0).forEach(tell);
  }

  function begin() {
    collect();
    isBegun = true;
    var known = page.asks ? kept("localStorage", "allowed") : "null";
    if (known) { know(JSON.parse(known)); }
    tellPage();
    if (page.seen.length || page.after.length || allowed === undefined || isDue()) {
      askWithCookie(12);
    }
    if (page.visit) { listen(); }
    var tries = 40;
    var timer = window.setInterval(guarded(function () {
      flush();
      tries -= 1;
      if (tries <= 0) { window.clearInterval(timer); waiting = []; }
    }), 250);
  }

  function changed() {
    if (!isBegun) { return; }
    tellPage();
    var isNew = page.seen.length || page.after.length;
    if (isNew || cookie(MARK) !== kept("localStorage", "mark")) { ask(); }
  }

  function listen() {
    document.addEventListener("change", guarded(function (event) {
      var field = event.target;
      if (field.name === "child_id" || field.hasAttribute("data-esputnik-product")) {
        show(field.value);
      }
    }));
    document.addEventListener("esputnik:product", guarded(function (event) {
      show(event.detail && event.detail.productKey);
    }));
    document.addEventListener("esputnik:cart", guarded(function () { ask(); }));
    document.addEventListener("esputnik:consent", guarded(function () { ask(); }));
    document.addEventListener("htmx:afterSettle", guarded(changed));
    window.addEventListener("pageshow", guarded(function (event) {
      if (event.persisted) { changed(); } // out of the history, as it was left
    }));
    if (window.PerformanceObserver) { // whatever library fetched something, the cart may differ
      new window.PerformanceObserver(guarded(function (list) {
        var isFetch = list.getEntries().some(function (entry) {
          var by = entry.initiatorType;
          var isOurs = entry.name.indexOf(page.visit) >= 0; // else a failure would ask for ever
          return !isOurs && (by === "fetch" || by === "xmlhttprequest");
        });
        if (isFetch && !isAsking) { changed(); }
      })).observe({type: "resource"});
    }
  }

  /* A page that a browser makes ahead of its visit says nothing until it is shown. */
  function start() {
    if (document.prerendering) {
      document.addEventListener("prerenderingchange", guarded(begin));
    } else {
      begin();
    }
  }

  window.esputnikTracking = guarded(changed);
  if (document.readyState === "loading") {
    document.addEventListener("DOMContentLoaded", guarded(start));
  } else {
    guarded(start)();
  }
})(window, document);
