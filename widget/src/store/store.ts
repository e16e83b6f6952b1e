import type { ShoptalkChat } from "../chat/element.ts";
import { languageOf } from "../chat/strings.ts";
import { h } from "../dom.ts";
import { money } from "../format.ts";
import { safeUrl } from "../links.ts";
import type { Language } from "../types.ts";
import { weave } from "./loom.ts";
import { follow, panelContent, routeOf, starWords, stockWords } from "./panel.ts";
import type { Route } from "./panel.ts";
import { articles, customers, products } from "./shop.ts";
import type { Product } from "./shop.ts";
import { CATEGORIES, TOPICS, WORDS, words } from "./words.ts";
import type { Word } from "./words.ts";

const PAGE = 22; // fills whole rows beside the large first piece on a wide screen
const ARTICLES_SHOWN = 3;
const PHONE = matchMedia("(max-width: 48rem)");
const NIGHT = matchMedia("(prefers-color-scheme: dark)");

const byId = <T extends HTMLElement>(id: string): T => document.getElementById(id) as T;
const root = document.documentElement;
const chat = document.querySelector("shoptalk-chat") as ShoptalkChat;
const panel = byId("reader");
const keep = (name: string, value: string): void => localStorage.setItem(`store:${name}`, value);
const kept = (name: string): string | null => localStorage.getItem(`store:${name}`);

let language: Language = "en";
let limit = PAGE;
let category = "";
let stopLoom = (): void => undefined;
let panelOpener: HTMLElement | null = null;

function setLanguage(next: Language): void {
  language = next;
  keep("language", next);
  root.lang = next === "zh" ? "zh-CN" : "en"; // the chat follows the page
  document.querySelectorAll<HTMLElement>("[data-t]").forEach((element) => (element.textContent = words(next, element.dataset.t as Word)));
  document.querySelectorAll<HTMLInputElement>("[data-t-placeholder]").forEach((element) => {
    element.placeholder = words(next, element.dataset.tPlaceholder as Word);
  });
  document.querySelectorAll<HTMLElement>("[data-t-label]").forEach((element) => {
    element.setAttribute("aria-label", words(next, element.dataset.tLabel as Word));
  });
  const button = byId("language");
  button.textContent = next === "zh" ? "English" : "中文";
  button.lang = next === "zh" ? "en" : "zh-CN";
  showAsks();
  void showArticles();
  showFilters();
  showLoom();
  nameGuest();
  void showProducts();
  void showRoute(false);
}

function setTheme(dark: boolean): void {
  root.dataset.theme = dark ? "dark" : "light";
  chat.setAttribute("theme", dark ? "dark" : "light");
  byId("theme").setAttribute("aria-pressed", String(dark));
}

function showLoom(): void {
  stopLoom();
  const canvas = byId<HTMLCanvasElement>("loom");
  stopLoom = weave(canvas, language === "zh" ? ["灯织"] : ["Lantern", "& Loom"], language === "zh");
}

function showAsks(): void {
  const buttons = words(language, "asks").split("|").map((text) =>
    h("button", { type: "button", on: { click: () => chat.say(text) } }, text),
  );
  byId("asks").replaceChildren(...buttons);
}

async function showArticles(): Promise<void> {
  const asked = language;
  const found = await articles(asked).catch(() => []);
  if (asked !== language) return;
  const topics = [...new Set([...Object.keys(TOPICS), ...found.map((one) => one.category)])];
  const shelves = topics.map((topic) => {
    const titles = found.filter((one) => one.category === topic);
    const links = titles.slice(0, ARTICLES_SHOWN).map((one) => h("li", {}, h("a", { href: `#/articles/${encodeURIComponent(one.slug)}` }, one.title)));
    return links.length ? h("li", {}, h("h3", {}, TOPICS[topic]?.[asked] ?? topic), h("ul", {}, ...links)) : null;
  });
  byId("articles").replaceChildren(...shelves.filter((shelf) => shelf !== null));
  (byId("articles").parentElement as HTMLElement).hidden = found.length === 0;
}

let latestRequest = 0;

async function showProducts(): Promise<void> {
  const request = ++latestRequest;
  const status = byId("status");
  try {
    const found = await products(language, query(), category, limit);
    if (request !== latestRequest) return;
    byId("grid").replaceChildren(...found.map(card));
    status.textContent = found.length ? "" : words(language, "nothing");
    byId("more").hidden = found.length < limit;
  } catch {
    if (request === latestRequest) status.textContent = words(language, "unreachable");
  }
}

function query(): string {
  return byId<HTMLFormElement>("search").querySelector("input")?.value.trim() ?? "";
}

function showFilters(): void {
  const button = (value: string, label: string): HTMLElement => {
    const made = h("button", { type: "button", "aria-pressed": String(value === category) }, label);
    made.addEventListener("click", () => {
      byId<HTMLFormElement>("search").reset(); // a shelf or a search, not both
      choose(value, made);
    });
    return made;
  };
  const shelves = Object.entries(CATEGORIES).map(([name, labels]) => button(name, labels[language]));
  byId("filters").replaceChildren(button("", words(language, "all")), ...shelves);
}

function choose(value: string, pressed: Element | null): void {
  category = value;
  limit = PAGE;
  for (const one of byId("filters").children) one.setAttribute("aria-pressed", String(one === pressed));
  void showProducts();
}

function card(one: Product): HTMLElement {
  const image = safeUrl(one.image, document.baseURI);
  const stock = stockWords(one, language);
  const scarce = one.stock !== null && one.stock <= 5;
  return h(
    "li",
    { class: one.stock === 0 ? "piece gone" : "piece" },
    h("div", { class: "swatch" }, image ? h("img", { src: image, alt: "", loading: "lazy", width: 400, height: 400 }) : null),
    h("strong", { class: "tag" }, money(one.price, one.currency, language) ?? ""),
    h("h3", {}, h("a", { href: `#/products/${encodeURIComponent(one.id)}` }, one.title)),
    h(
      "p",
      {},
      one.rating ? h("span", { class: "stars" }, h("span", { "aria-hidden": "true" }, `★ ${Math.round(one.rating * 10) / 10}`), h("span", { class: "only-heard" }, starWords(one, language))) : null,
      scarce ? h("span", { class: "scarce" }, stock) : null,
    ),
  );
}

async function showRoute(focus = true): Promise<void> {
  const route: Route | null = routeOf(location.hash) ?? routeOf(location.search);
  if (!route) return hidePanel();
  if (focus && panel.hidden) panelOpener = document.activeElement as HTMLElement | null;
  if (PHONE.matches) chat.close(); // there is room for one of them
  const content = await panelContent(route, language, (one) => {
    closePanel();
    chat.prefill(words(language, "askAbout", { title: one.title }));
  }).catch(() => [h("h2", { id: "panel-title" }, words(language, "missing"))]);
  byId("panel-body").replaceChildren(...content);
  panel.hidden = false;
  panel.scrollTop = 0;
  if (focus) panel.focus();
}

function hidePanel(): void {
  if (panel.hidden) return;
  panel.hidden = true;
  if (panelOpener?.isConnected) panelOpener.focus();
  panelOpener = null;
}

function closePanel(): void {
  history.pushState(null, "", location.pathname);
  hidePanel();
}

async function showCustomers(): Promise<void> {
  const found = await customers();
  const select = byId<HTMLSelectElement>("customer");
  if (!found.length) return;
  select.replaceChildren(h("option", { value: "" }), ...found.map((one) => h("option", { value: one.id }, one.name)));
  select.value = chat.customerId ?? "";
  nameGuest();
  (select.closest("label") as HTMLElement).hidden = false;
  select.addEventListener("change", () => {
    const speaks = languageOf(found.find((one) => one.id === select.value)?.language);
    if (speaks) setLanguage(speaks);
    void chat.signIn(select.value || null);
  });
}

function nameGuest(): void {
  const guest = byId<HTMLSelectElement>("customer").options[0];
  if (guest) guest.textContent = words(language, "guest");
}

/** Offers the inspector when the server has it switched on. */
async function offerInspector(): Promise<void> {
  const session = await chat.session();
  const response = await fetch("/webhooks/web/inspect", { headers: { Authorization: `Bearer ${session.token}` } });
  if (!response.ok) return;
  const button = byId("inspector");
  button.hidden = false;
  button.addEventListener("click", () => {
    void import("./inspector.js").then(({ toggleInspector }) => {
      if (toggleInspector(chat, button) && !PHONE.matches) chat.open();
    });
  });
}

function listen(): void {
  byId("language").addEventListener("click", () => setLanguage(language === "zh" ? "en" : "zh"));
  byId("theme").addEventListener("click", () => {
    const dark = root.dataset.theme !== "dark";
    keep("theme", dark ? "dark" : "light");
    setTheme(dark);
  });
  NIGHT.addEventListener("change", () => kept("theme") === null && setTheme(NIGHT.matches));
  let typing: ReturnType<typeof setTimeout>;
  byId("search").addEventListener("input", () => {
    clearTimeout(typing);
    typing = setTimeout(() => choose("", byId("filters").firstElementChild), 250);
  });
  byId("search").addEventListener("submit", (event) => event.preventDefault());
  byId("more").addEventListener("click", () => {
    limit += PAGE;
    void showProducts();
  });
  byId("panel-close").addEventListener("click", closePanel);
  panel.addEventListener("keydown", (event) => event.key === "Escape" && closePanel());
  addEventListener("hashchange", () => void showRoute());
  addEventListener("popstate", () => void showRoute());
  let width = innerWidth;
  addEventListener("resize", () => {
    if (innerWidth === width) return; // phones resize when their address bar hides
    width = innerWidth;
    showLoom();
  });
  document.addEventListener("shoptalk:link", (event) => {
    if (follow((event as CustomEvent<{ href: string }>).detail.href)) event.preventDefault();
  });
  document.addEventListener("shoptalk:language", (event) => {
    const chosen = (event as CustomEvent<{ language: Language }>).detail.language;
    if (chosen !== language) setLanguage(chosen);
  });
}

const brand = (of: Language): Record<string, string> => ({
  title: WORDS[of].chatTitle,
  subtitle: WORDS[of].chatSubtitle,
  welcome: WORDS[of].welcome,
  welcomeMore: WORDS[of].welcomeMore,
});

chat.override({ en: brand("en"), zh: brand("zh") });
listen();
setTheme(kept("theme") === null ? NIGHT.matches : kept("theme") === "dark");
setLanguage(languageOf(new URLSearchParams(location.search).get("language")) ?? languageOf(kept("language")) ?? languageOf(navigator.language) ?? "en");
void showCustomers();
offerInspector().catch(() => undefined); // without a server the page still shows its shelves, and the chat says so
