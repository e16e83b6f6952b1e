import { ShoptalkChat } from "./chat/element.ts";

// currentScript is only known while the script runs, so it is read first.
const script = document.currentScript as HTMLScriptElement | null;

if (!customElements.get("shoptalk-chat")) customElements.define("shoptalk-chat", ShoptalkChat);

function attach(): void {
  if (document.querySelector("shoptalk-chat")) return; // the page has placed its own
  const chat = document.createElement("shoptalk-chat");
  chat.setAttribute("server", script?.dataset.server ?? "");
  if (script?.dataset.language) chat.setAttribute("language", script.dataset.language);
  if (script?.dataset.theme) chat.setAttribute("theme", script.dataset.theme);
  document.body.append(chat);
}

if (document.body) attach();
else document.addEventListener("DOMContentLoaded", attach);
