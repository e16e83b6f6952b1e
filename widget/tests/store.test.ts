import assert from "node:assert/strict";
import { test } from "node:test";
import { design } from "../src/store/loom.ts";
import { routeOf } from "../src/store/panel.ts";
import { product } from "../src/store/shop.ts";
import { WORDS } from "../src/store/words.ts";

test("deep links of articles and products, from addresses and from the page's hash", () => {
  assert.deepEqual(routeOf("https://shop.example/shop/articles/returns?language=en"), { kind: "articles", id: "returns" });
  assert.deepEqual(routeOf("#/products/P%200001"), { kind: "products", id: "P 0001" });
  assert.deepEqual(routeOf("https://shop.example/?product=P001"), { kind: "products", id: "P001" });
  assert.deepEqual(routeOf("?language=zh&product=P001"), { kind: "products", id: "P001" });
  assert.equal(routeOf("?language=zh"), null);
  assert.equal(routeOf("https://shop.example/shop/orders/1"), null);
  assert.equal(routeOf("#/articles/%"), null);
});

test("products are read with whatever fields there are", () => {
  const full = product({ id: "P1", title: "Tee", price: "34.00", currency: "EUR", stock: 3, rating: 4.2, sizes: ["S"], attributes: [{ label: "Care", value: "30 °C" }, { label: "Fit", value: null }], colors: [{ label: "navy", image: "/x.svg" }, "odd"] });
  assert.equal(full.price, 34);
  assert.deepEqual(full.attributes, [{ label: "Care", value: "30 °C" }]);
  assert.deepEqual(full.colors, [{ label: "navy", image: "/x.svg" }]);
  assert.deepEqual(product({ sku: 7, name: "Bag" }), {
    id: "7", title: "Bag", price: null, currency: "EUR", image: null, stock: null, rating: null, text: "", colors: [], sizes: [], attributes: [], reviews: [],
  });
});

test("the page says everything in both languages", () => {
  assert.deepEqual(Object.keys(WORDS.zh), Object.keys(WORDS.en));
});

test("the cloth keeps the name clear of blossoms and every crossing in its three yarns", () => {
  const [columns, rows] = [90, 80];
  const name = new Uint8Array(columns * rows);
  for (let y = 25; y < 45; y++) name.fill(1, y * columns + 20, y * columns + 70);
  const cloth = design(columns, rows, name);
  assert.equal(cloth.cells.length, columns * rows);
  assert.ok(cloth.cells.every((cell) => cell <= 2));
  for (let y = 25; y < 45; y++) {
    assert.equal(cloth.cells[y * columns + 18], 0);
    assert.equal(cloth.cells[y * columns + 40], 1);
  }
});
