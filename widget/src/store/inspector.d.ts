import type { ShoptalkChat } from "../chat/element.ts";

/** Opens or closes the inspector; returns whether it is open now. Built from src/inspector/inspector.ts. */
export function toggleInspector(chat: ShoptalkChat, button: HTMLElement): boolean;
