DROP SCHEMA IF EXISTS public CASCADE;
CREATE SCHEMA public;
CREATE TABLE product (
    id uuid PRIMARY KEY, sku text NOT NULL, name text NOT NULL, price numeric(14, 2) NOT NULL, currency text NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX product_newest ON product (created_at DESC, id DESC);
CREATE TABLE shop_order (
    id uuid PRIMARY KEY, number bigserial NOT NULL UNIQUE, customer_id uuid NOT NULL, status text NOT NULL,
    currency text NOT NULL, total numeric(14, 2) NOT NULL, created_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX shop_order_own ON shop_order (customer_id, created_at DESC, id DESC);
CREATE TABLE order_line (
    id bigserial PRIMARY KEY, order_id uuid NOT NULL REFERENCES shop_order, product_id uuid NOT NULL REFERENCES product,
    quantity integer NOT NULL, price numeric(14, 2) NOT NULL
);
CREATE INDEX order_line_order ON order_line (order_id);
CREATE TABLE outbox (
    id bigserial PRIMARY KEY, type text NOT NULL, data jsonb NOT NULL, created_at timestamptz NOT NULL DEFAULT now()
);
