/** What survives a reload, under one prefix; falls back to memory where the browser forbids storage. */
export class Storage {
  private readonly memory = new Map<string, string>();

  constructor(
    private readonly prefix: string,
    private readonly backing: Pick<globalThis.Storage, "getItem" | "setItem" | "removeItem"> | null = browserStorage(),
  ) {}

  read<T>(key: string): T | null {
    const text = this.memory.get(key) ?? this.backing?.getItem(this.prefix + key) ?? null;
    if (text === null) return null;
    try {
      return JSON.parse(text) as T;
    } catch {
      return null; // written by an older version or another script: start afresh
    }
  }

  write(key: string, value: unknown): void {
    const text = JSON.stringify(value);
    try {
      if (!this.backing) throw new DOMException("no storage", "SecurityError");
      this.backing.setItem(this.prefix + key, text);
      this.memory.delete(key);
    } catch {
      this.memory.set(key, text); // full or forbidden: the conversation still works until the page closes
    }
  }

  remove(key: string): void {
    this.memory.delete(key);
    this.backing?.removeItem(this.prefix + key);
  }
}

function browserStorage(): globalThis.Storage | null {
  try {
    return globalThis.localStorage ?? null;
  } catch {
    return null;
  }
}
