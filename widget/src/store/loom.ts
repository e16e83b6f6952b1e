/** The loom of the front page: weaves the shop's name into indigo cloth, thread by thread, on a canvas. */

const GROUND = 0;
const COTTON = 1;
const LANTERN = 2;

const CLOTH = {
  warp: ["#22336a", "#1b2956"],
  weft: ["#2b3f7d", "#203063"],
  cotton: ["#f3ecdb", "#c9bea4"],
  lantern: ["#ee6a3c", "#b23c20"],
} as const;

// A lantern with its tassel, 11 × 13, woven in red with cotton ribs.
const MOTIF = [
  ".....o.....", "...ooooo...", "..#######..", ".##o###o##.", "##o##o##o##", "##o##o##o##", "##o##o##o##",
  ".##o###o##.", "..#######..", "...ooooo...", ".....o.....", "....ooo....", "....o.o....",
] as const;
const BLOSSOM = ["..o..", ".o.o.", "o.o.o", ".o.o.", "..o.."] as const;

export interface Cloth {
  columns: number;
  rows: number;
  /** One thread colour a crossing, row by row from the top. */
  cells: Uint8Array;
}

/** Plans a cloth: borders, a row of lanterns, blossoms, and the name in the middle from its raster (1 = thread). */
export function design(columns: number, rows: number, name: Uint8Array): Cloth {
  const cells = new Uint8Array(columns * rows);
  const set = (x: number, y: number, kind: number): void => {
    if (x >= 0 && y >= 0 && x < columns && y < rows) cells[y * columns + x] = kind;
  };
  const stamp = (motif: readonly string[], left: number, top: number): void =>
    motif.forEach((line, y) => [...line].forEach((mark, x) => mark !== "." && set(left + x, top + y, mark === "#" ? LANTERN : COTTON)));
  const foot = rows - 27;
  for (const y of [1, rows - 3, foot]) for (let x = 0; x < columns; x++) set(x, y, COTTON);
  for (let x = 0; x < columns; x++) {
    const wave = Math.abs((x % 8) - 4);
    for (const y of [4 + wave, foot + 2 + wave]) set(x, y, COTTON);
    if (x % 8 === 0) for (const y of [5, foot + 3]) set(x, y, LANTERN);
  }
  const count = Math.max(1, Math.floor(columns / 22));
  const gap = columns / count;
  for (let i = 0; i < count; i++) stamp(MOTIF, Math.round(gap * (i + 0.5)) - 5, rows - 18);
  for (let row = 0, y = 14; y < foot - 7; y += 10, row++) {
    for (let x = 4 + (row % 2) * 9; x < columns - 5; x += 18) {
      if (!near(name, columns, x - 3, y - 2, 11, 9)) stamp(BLOSSOM, x, y);
    }
  }
  for (let i = 0; i < name.length && i < cells.length; i++) if (name[i]) cells[i] = COTTON;
  return { columns, rows, cells };
}

function near(name: Uint8Array, columns: number, left: number, top: number, width: number, height: number): boolean {
  for (let y = Math.max(0, top); y < top + height; y++) {
    for (let x = Math.max(0, left); x < Math.min(columns, left + width); x++) if (name[y * columns + x]) return true;
  }
  return false;
}

/** Draws lines of text small and reads back which crossings they cover. */
function raster(lines: readonly string[], columns: number, rows: number, font: string): Uint8Array {
  const canvas = new OffscreenCanvas(columns, rows);
  const context = canvas.getContext("2d", { willReadFrequently: true });
  const found = new Uint8Array(columns * rows);
  if (!context) return found;
  const room = rows - 27 - 12;
  let size = Math.floor((room / lines.length) * 0.95);
  const measure = (): number => Math.max(...lines.map((line) => context.measureText(line).width));
  for (context.font = font.replace("$", String(size)); size > 6 && measure() > columns - 8; ) {
    size -= 1;
    context.font = font.replace("$", String(size));
  }
  context.textAlign = "center";
  context.textBaseline = "middle";
  lines.forEach((line, i) => context.fillText(line, columns / 2, 11 + room / 2 + (i - (lines.length - 1) / 2) * size * 0.98));
  const pixels = context.getImageData(0, 0, columns, rows).data;
  for (let i = 0; i < found.length; i++) found[i] = (pixels[i * 4 + 3] ?? 0) > 118 ? 1 : 0;
  return found;
}

/** Weaves a name on a canvas; the returned function stops the work. */
export function weave(canvas: HTMLCanvasElement, lines: readonly string[], chinese: boolean): () => void {
  const context = canvas.getContext("2d");
  const { width, height } = canvas.getBoundingClientRect();
  if (!context || width < 40 || height < 40) return () => undefined;
  const ratio = Math.min(devicePixelRatio || 1, 2);
  const cell = width < 420 ? 3 : 4;
  const columns = Math.floor(width / cell);
  const rows = Math.floor((height * 0.74) / cell);
  canvas.width = Math.round(width * ratio);
  canvas.height = Math.round(height * ratio);
  context.scale(ratio, ratio);
  const font = chinese ? '700 $px "Noto Serif CJK SC", "Songti SC", serif' : '700 $px "Iowan Old Style", Palatino, Georgia, "DejaVu Serif", serif';
  const cloth = design(columns, rows, raster(lines, columns, rows, font));
  const top = height - rows * cell;
  drawWarp(context, columns, cell, height);
  if (matchMedia("(prefers-reduced-motion: reduce)").matches) {
    for (let y = rows - 1; y >= 0; y--) drawRow(context, cloth, y, cell, top);
    return () => undefined;
  }
  let row = rows;
  let frame = 0;
  const work = (): void => {
    drawRow(context, cloth, --row, cell, top);
    if (row > 0) frame = requestAnimationFrame(work);
  };
  frame = requestAnimationFrame(work);
  return () => cancelAnimationFrame(frame);
}

function drawWarp(context: CanvasRenderingContext2D, columns: number, cell: number, height: number): void {
  context.clearRect(0, 0, columns * cell + cell, height);
  for (let x = 0; x < columns; x++) {
    context.fillStyle = x % 2 ? "rgb(70 88 146 / 55%)" : "rgb(120 134 180 / 55%)";
    context.fillRect(x * cell + cell * 0.3, 0, 1, height);
  }
}

function drawRow(context: CanvasRenderingContext2D, cloth: Cloth, y: number, cell: number, top: number): void {
  for (let x = 0; x < cloth.columns; x++) {
    const kind = cloth.cells[y * cloth.columns + x];
    const left = x * cell;
    const above = top + y * cell;
    // Plain weave: where nothing is figured, warp and weft lie on top in turn.
    const upright = kind === GROUND && (x + y) % 2 === 0;
    const [light, dark] = kind === COTTON ? CLOTH.cotton : kind === LANTERN ? CLOTH.lantern : upright ? CLOTH.warp : CLOTH.weft;
    context.fillStyle = light;
    context.fillRect(left, above, cell, cell);
    context.fillStyle = dark;
    if (upright) context.fillRect(left + cell - 1, above, 1, cell);
    else context.fillRect(left, above + cell - 1, cell, 1);
  }
}
