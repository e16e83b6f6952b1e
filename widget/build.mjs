// Builds the browser files into shoptalk/server/static/, or (--tests) the unit tests into build/tests/.
import { build, transform } from "esbuild";
import { readFile, writeFile, mkdir, readdir, rm } from "node:fs/promises";
import { gzipSync } from "node:zlib";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";

const here = dirname(fileURLToPath(import.meta.url));
const out = resolve(here, "../shoptalk/server/static");
const BUDGET_BYTES = { "shoptalk.js": 40 * 1024 };

/** Imports of *.css become strings, minified: they feed constructable style sheets. */
const cssText = {
  name: "css-text",
  setup(builder) {
    builder.onLoad({ filter: /\.css$/ }, async ({ path }) => {
      const { code } = await transform(await readFile(path, "utf8"), { loader: "css", minify: true });
      return { contents: code.trim(), loader: "text" };
    });
  },
};

const common = {
  bundle: true,
  minify: true,
  target: ["es2022"],
  charset: "utf8",
  legalComments: "none",
  plugins: [cssText],
  absWorkingDir: here,
  logLevel: "warning",
};

async function buildPage() {
  await mkdir(out, { recursive: true });
  await build({ ...common, entryPoints: ["src/shoptalk.ts"], format: "iife", outfile: join(out, "shoptalk.js") });
  for (const [entry, name] of [["src/inspector/inspector.ts", "inspector.js"], ["src/store/store.ts", "store.js"]]) {
    // The page loads the inspector by import() only when the server offers it.
    await build({ ...common, entryPoints: [entry], format: "esm", outfile: join(out, name), external: ["./inspector.js"] });
  }
  const css = await transform(await readFile(join(here, "src/store/store.css"), "utf8"), { loader: "css", minify: true });
  await writeFile(join(out, "store.css"), css.code);
  await writeFile(join(out, "index.html"), await readFile(join(here, "src/store/index.html")));
  await writeFile(join(out, "favicon.svg"), await readFile(join(here, "src/store/favicon.svg")));
  for (const name of (await readdir(out)).sort()) {
    const bytes = await readFile(join(out, name));
    const gzip = gzipSync(bytes, { level: 9 }).length;
    console.log(`${name.padEnd(14)} ${String(bytes.length).padStart(7)} bytes ${String(gzip).padStart(7)} gzip`);
    if (BUDGET_BYTES[name] && gzip > BUDGET_BYTES[name]) {
      console.error(`${name} is over its budget of ${BUDGET_BYTES[name]} bytes gzip: remove something or raise the budget in build.mjs`);
      process.exitCode = 1;
    }
  }
}

async function buildTests() {
  const folder = join(here, "build/tests");
  await rm(folder, { recursive: true, force: true });
  const names = (await readdir(join(here, "tests"))).filter((name) => name.endsWith(".test.ts"));
  await build({
    ...common,
    minify: false,
    entryPoints: names.map((name) => `tests/${name}`),
    format: "esm",
    platform: "node",
    outdir: folder,
    outExtension: { ".js": ".mjs" },
  });
}

await (process.argv.includes("--tests") ? buildTests() : buildPage());
