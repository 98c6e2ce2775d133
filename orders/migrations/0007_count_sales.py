from django.db import migrations

ADD = """
CREATE FUNCTION orders_count_sale() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP <> 'INSERT' AND OLD.deleted_at IS NULL THEN
        INSERT INTO orders_statdelta (placed_date, status, manager_id, currency, customer_id, orders, amount)
        VALUES (OLD.placed_date, OLD.status, OLD.manager_id, OLD.currency, OLD.customer_id, -1, -OLD.total_amount);
    END IF;
    IF TG_OP <> 'DELETE' AND NEW.deleted_at IS NULL THEN
        INSERT INTO orders_statdelta (placed_date, status, manager_id, currency, customer_id, orders, amount)
        VALUES (NEW.placed_date, NEW.status, NEW.manager_id, NEW.currency, NEW.customer_id, 1, NEW.total_amount);
    END IF;
    RETURN NULL;
END $$;

CREATE TRIGGER order_counted AFTER INSERT OR DELETE ON orders_order
    FOR EACH ROW EXECUTE FUNCTION orders_count_sale();
CREATE TRIGGER order_recounted AFTER UPDATE ON orders_order
    FOR EACH ROW WHEN ((OLD.placed_date, OLD.status, OLD.manager_id, OLD.total_amount, OLD.deleted_at, OLD.customer_id)
        IS DISTINCT FROM
        (NEW.placed_date, NEW.status, NEW.manager_id, NEW.total_amount, NEW.deleted_at, NEW.customer_id))
    EXECUTE FUNCTION orders_count_sale();

INSERT INTO orders_statdelta (placed_date, status, manager_id, currency, customer_id, orders, amount)
SELECT placed_date, status, manager_id, currency, customer_id, 1, total_amount
FROM orders_order WHERE deleted_at IS NULL;

CREATE FUNCTION orders_funding_sum(funding jsonb) RETURNS numeric LANGUAGE sql IMMUTABLE AS $$
    SELECT coalesce(sum((leg ->> 'amount')::numeric), 0) FROM jsonb_array_elements(funding) AS leg
$$;
ALTER TABLE orders_order ADD CONSTRAINT order_funding_is_the_total
    CHECK (orders_funding_sum(funding) = total_amount);

CREATE TRIGGER order_document_append_only BEFORE UPDATE OR DELETE ON orders_document
    FOR EACH ROW EXECUTE FUNCTION orders_refuse_change();
CREATE TRIGGER order_document_file_append_only BEFORE UPDATE OR DELETE ON orders_documentfile
    FOR EACH ROW EXECUTE FUNCTION orders_refuse_change();
"""

REMOVE = """
DROP TRIGGER order_document_file_append_only ON orders_documentfile;
DROP TRIGGER order_document_append_only ON orders_document;
ALTER TABLE orders_order DROP CONSTRAINT order_funding_is_the_total;
DROP FUNCTION orders_funding_sum(jsonb);
DROP TRIGGER order_recounted ON orders_order;
DROP TRIGGER order_counted ON orders_order;
DROP FUNCTION orders_count_sale();
"""


class Migration(migrations.Migration):

    dependencies = [
        ('orders', '0006_fill_days_and_funding'),
    ]

    operations = [
        migrations.RunSQL(ADD, REMOVE),
    ]
