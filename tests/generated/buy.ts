// Buys a car, knowing no more of the shop than the types that were generated from its document.
//
// usage: node buy.js http://127.0.0.1:8000

import { randomUUID } from "node:crypto";
import process from "node:process";
import { setTimeout as pause } from "node:timers/promises";
import createClient, { type Client } from "openapi-fetch";
import type { components, paths } from "./api.js";

type Schemas = components["schemas"];
type Shop = Client<paths>;
type Answer<Data> = { data?: Data; error?: Schemas["Problem"]; response: Response };

const PATIENCE_MS = 120_000;

/** The body of an answer that was hoped for; gives up at a refusal. */
function expect<Data>({ data, error, response }: Answer<Data>): Data {
  if (data === undefined) {
    throw new Error(`refused: ${response.status} ${error?.code}, ${error?.detail}`);
  }
  return data;
}

async function signIn(address: string): Promise<Shop> {
  const shop = createClient<paths>({ baseUrl: address });
  const known = { email: `${randomUUID()}@example.com`, password: "correct-horse-battery" };
  expect(await shop.POST("/api/v1/auth/register", { body: known }));
  const pair = expect(await shop.POST("/api/v1/auth/login", { body: known }));
  shop.use({
    onRequest({ request }) {
      request.headers.set("Authorization", `Bearer ${pair.access_token}`);
      return request;
    },
  });
  return shop;
}

async function choose(shop: Shop): Promise<Schemas["CatalogProduct"]> {
  const query = { kind: "vehicle", in_stock: true, page_size: 10 } as const;
  const page = expect(await shop.GET("/api/v1/products", { params: { query } }));
  const car = page.results.find(({ available }) => available > 0);
  if (car === undefined) {
    throw new Error("nothing is on sale");
  }
  return car;
}

async function order(shop: Shop, car: Schemas["CatalogProduct"]): Promise<Schemas["OrdersOrderDocument"]> {
  const body = { items: [{ product_id: car.id, quantity: 1 }], expected_total: car.price };
  const params = { header: { "Idempotency-Key": randomUUID() } };
  const placed = expect(await shop.POST("/api/v1/orders", { params, body }));
  const again = expect(await shop.POST("/api/v1/orders", { params, body }));
  if (again.id !== placed.id) {
    throw new Error("the same key has made two orders");
  }
  return placed;
}

async function pay(shop: Shop, due: Schemas["OrdersOrderDocument"]): Promise<Schemas["PaymentsPayment"]> {
  const params = { header: { "Idempotency-Key": randomUUID() } };
  const body = { order_id: due.id, method: "card", token: "tok_success" } as const;
  return expect(await shop.POST("/api/v1/payments", { params, body }));
}

function watch(shop: Shop, id: string, status: Schemas["OrdersStatusEnum"]): Promise<Schemas["OrdersOrderDocument"]> {
  return waitFor(`the order to be ${status}`, async () => {
    const seen = expect(await shop.GET("/api/v1/orders/{id}", { params: { path: { id } } }));
    if (seen.status === "cancelled") {
      throw new Error(`cancelled: ${seen.saga.failure?.detail}`);
    }
    return seen.status === status ? seen : undefined;
  });
}

function taken(shop: Shop, id: string): Promise<Schemas["PaymentsPayment"]> {
  return waitFor("the money to be taken", async () => {
    const seen = expect(await shop.GET("/api/v1/payments/{id}", { params: { path: { id } } }));
    return seen.status === "completed" ? seen : undefined;
  });
}

async function waitFor<Seen>(what: string, read: () => Promise<Seen | undefined>): Promise<Seen> {
  const deadline = Date.now() + PATIENCE_MS;
  while (Date.now() < deadline) {
    const seen = await read();
    if (seen !== undefined) {
      return seen;
    }
    await pause(200);
  }
  throw new Error(`waited for ${what}, in vain`);
}

async function main(address: string | undefined): Promise<void> {
  if (address === undefined) {
    throw new Error("usage: node buy.js http://127.0.0.1:8000");
  }
  const shop = await signIn(address);
  const placed = await order(shop, await choose(shop));
  const due = await watch(shop, placed.id, "awaiting_payment");
  const payment = await taken(shop, (await pay(shop, due)).id);
  if (payment.amount !== due.amount_due) {
    throw new Error(`${payment.amount} was taken, ${due.amount_due} was due`);
  }
  const sold = await watch(shop, placed.id, "completed");
  const path = { id: sold.id };
  const told = expect(await shop.GET("/api/v1/orders/{id}/timeline", { params: { path } })).results;
  if (told.at(-1)?.status !== "completed") {
    throw new Error(`the timeline ends with ${told.at(-1)?.status}`);
  }
  console.log(sold.id);
}

await main(process.argv[2]);
