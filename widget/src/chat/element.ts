import { h, sheet } from "../dom.ts";
import { clock } from "../format.ts";
import type { Language, Session } from "../types.ts";
import { Api } from "./api.ts";
import { Composer } from "./composer.ts";
import type { Context } from "./context.ts";
import { Conversation } from "./conversation.ts";
import type { Item } from "./conversation.ts";
import { browserWorld } from "./delivery.ts";
import { Menu } from "./menu.ts";
import { Sessions } from "./session.ts";
import { Shell } from "./shell.ts";
import { Storage } from "./storage.ts";
import { languageOf, Strings } from "./strings.ts";
import type { Overrides } from "./strings.ts";
import { Thread } from "./thread.ts";
import css from "./widget.css";

const styles = sheet(css);
const DARK = matchMedia("(prefers-color-scheme: dark)");
const WHOLE_SCREEN = "(max-width: 32rem)";

/**
 * `<shoptalk-chat server="" language="en" theme="auto">`: the chat widget; `theme` is auto, light or dark.
 *
 * Fires, bubbling: `shoptalk:open`, `shoptalk:close`, `shoptalk:language`, `shoptalk:session` (a session exists or has
 * changed), `shoptalk:turn` (a turn is complete) and the cancelable `shoptalk:link` (a link to this site is followed).
 */
export class ShoptalkChat extends HTMLElement {
  private readonly root = this.attachShadow({ mode: "open" });
  private readonly strings = new Strings("en");
  private storage!: Storage;
  private sessions!: Sessions;
  private conversation!: Conversation;
  private thread!: Thread;
  private composer!: Composer;
  private shell!: Shell;
  private menu!: Menu;
  private unread = 0;
  private returnTo: HTMLElement | null = null;
  private readonly pageLanguage = new MutationObserver(() => {
    const language = languageOf(document.documentElement.lang);
    if (language) this.language = language;
  });

  static readonly observedAttributes = ["theme"];

  attributeChangedCallback(): void {
    const wanted = this.getAttribute("theme");
    this.dataset.scheme = wanted === "dark" || wanted === "light" ? wanted : DARK.matches ? "dark" : "light";
  }

  connectedCallback(): void {
    if (this.storage) return;
    this.attributeChangedCallback();
    DARK.addEventListener("change", () => this.attributeChangedCallback());
    const server = (this.getAttribute("server") ?? "").replace(/\/$/, "");
    this.storage = new Storage(`shoptalk:${server}:`);
    this.strings.language = languageOf(this.getAttribute("language")) ?? languageOf(document.documentElement.lang) ?? "en";
    const api = new Api(server);
    this.sessions = new Sessions(api, this.storage, () => this.language);
    this.conversation = new Conversation(api, this.sessions, this.storage, browserWorld, {
      item: (item) => this.showItem(item),
      reset: (items) => this.thread.reset(items),
      state: () => this.showState(),
      turn: (id) => this.fire("turn", { message_id: id }),
    });
    this.build(new URL(`${server}/`, document.baseURI).href);
    this.pageLanguage.observe(document.documentElement, { attributes: true, attributeFilter: ["lang"] });
    void this.conversation.restore();
    if (this.storage.read<boolean>("open") && !matchMedia(WHOLE_SCREEN).matches) this.show();
  }

  /** The language of the widget's words and of new messages. */
  get language(): Language {
    return this.strings.language;
  }

  set language(language: Language) {
    if (language === this.strings.language) return;
    this.strings.language = language;
    this.relabel();
    this.fire("language", { language });
  }

  /** Puts the page's own words in place of the widget's, by language. */
  override(words: Overrides): void {
    this.strings.override(words);
    this.relabel();
  }

  open(): void {
    if (!this.shell.panel.hidden) return this.composer.input.focus();
    this.returnTo = document.activeElement instanceof HTMLElement && document.activeElement !== this ? document.activeElement : null;
    this.show();
    this.composer.input.focus();
    this.fire("open");
  }

  close(): void {
    if (this.shell.panel.hidden) return;
    this.shell.opened(false);
    this.storage.write("open", false);
    const back = this.returnTo?.isConnected && this.returnTo !== document.body ? this.returnTo : this.shell.launcher;
    back.focus();
    this.fire("close");
  }

  /** Opens the chat and says something for the shopper, who clicked it elsewhere on the page. */
  say(text: string): void {
    this.open();
    this.send(text);
  }

  /** Opens the chat with a text to finish. */
  prefill(text: string): void {
    this.open();
    this.composer.prefill(text);
  }

  /** The signed session, made if there is none. */
  session(): Promise<Session> {
    return this.sessions.get();
  }

  get customerId(): string | null {
    return this.sessions.customerId;
  }

  /** Changes to another demo customer, or to a guest with null: another session, another conversation. */
  async signIn(customerId: string | null): Promise<void> {
    if (customerId === this.sessions.customerId) return;
    this.sessions.customerId = customerId;
    await this.conversation.restore();
    this.fire("session");
  }

  startOver(): void {
    this.conversation.startOver();
    this.composer.input.focus();
    this.fire("session");
  }

  private build(base: string): void {
    const context: Context = {
      strings: this.strings,
      base,
      onLink: (href) => !this.fire("link", { href }, true),
      say: (text, title) => this.send(text, title),
    };
    this.thread = new Thread(context, (key) => this.conversation.retry(key));
    this.composer = new Composer(this.strings, (text) => this.send(text));
    this.menu = new Menu(() => [
      { label: this.strings.get("startOver"), run: () => this.shell.ask(() => this.startOver(), () => this.composer.input.focus()) },
      { label: this.strings.get("otherLanguage"), lang: this.language === "en" ? "zh" : "en", run: () => this.switchLanguage() },
      { label: this.strings.get("transcript"), run: () => this.saveTranscript() },
    ]);
    this.shell = new Shell(this.strings, {
      menu: this.menu.element,
      thread: this.thread.element,
      composer: this.composer.element,
      toggle: () => (this.shell.panel.hidden ? this.open() : this.close()),
      close: () => this.close(),
    });
    this.root.adoptedStyleSheets = [styles];
    this.root.append(this.shell.panel, this.shell.launcher, this.shell.announcer);
    this.root.addEventListener("keydown", (event) => this.key(event as KeyboardEvent));
    this.relabel();
  }

  private show(): void {
    this.unread = 0;
    this.shell.opened(true);
    this.shell.panel.setAttribute("aria-modal", String(matchMedia(WHOLE_SCREEN).matches));
    this.storage.write("open", true);
    this.thread.toBottom(false);
  }

  private send(text: string, title?: string): void {
    this.conversation.send(text, this.language, title);
    // The button that was pressed goes away with the question it answered; on touch screens the input would raise the
    // keyboard over the answer, so the focus rests on the conversation there.
    if (matchMedia("(pointer: coarse)").matches && this.root.activeElement !== this.composer.input) this.thread.focus();
    else this.composer.input.focus();
  }

  private showItem(item: Item): void {
    this.thread.update(item);
    if (item.from !== "bot" || item.streaming || !this.shell.panel.hidden) return;
    this.unread += 1;
    this.shell.unread(this.unread);
  }

  private showState(): void {
    this.thread.typing(this.conversation.typing);
    this.shell.state(this.conversation);
  }

  private relabel(): void {
    this.shell.panel.lang = this.language === "zh" ? "zh-CN" : "en";
    this.menu.label(this.strings.get("menu"));
    this.shell.relabel(this.unread);
    this.composer.relabel();
    this.thread.reset(this.conversation.items);
    this.showState();
  }

  private switchLanguage(): void {
    const next = this.language === "en" ? "zh" : "en";
    // The widget follows the page; a page that listens sets its own language and everything follows.
    this.language = next;
    this.composer.input.focus();
  }

  private saveTranscript(): void {
    const lines = this.conversation.items.map((item) => {
      const who = this.strings.get(item.from === "user" ? "youSaid" : "botSaid");
      return `${clock(item.at, this.language)} ${who} ${item.message?.text ?? item.text}`;
    });
    const url = URL.createObjectURL(new Blob([lines.join("\n") + "\n"], { type: "text/plain;charset=utf-8" }));
    h("a", { href: url, download: "conversation.txt" }).click();
    setTimeout(() => URL.revokeObjectURL(url), 1000);
  }

  private key(event: KeyboardEvent): void {
    if (event.key === "Escape" && !event.isComposing) {
      event.stopPropagation();
      this.close();
    }
    if (event.key === "Tab" && matchMedia(WHOLE_SCREEN).matches && !this.shell.panel.hidden) this.shell.trap(event, this.root);
  }

  private fire(name: string, detail: unknown = null, cancelable = false): boolean {
    return this.dispatchEvent(new CustomEvent(`shoptalk:${name}`, { bubbles: true, composed: true, cancelable, detail }));
  }
}
