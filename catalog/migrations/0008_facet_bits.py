from django.db import migrations

# Exact facets of a large catalogue: one bit a product and value, 30,720 products a row (two rows a page), so that a
# million products are counted by AND and bit_count over some thousands of rows, whatever is filtered by
# (catalog.models.facet_bits). Compressed where few bits are set.
#
# No sale waits for another's bit: a trigger only notes which products changed. Those are left out of the bits and
# counted by themselves until catalog.services.facets folds them in.
ADD = """
CREATE TABLE catalog_facet_place (product_id uuid PRIMARY KEY, place integer NOT NULL UNIQUE);
CREATE TABLE catalog_facet_bits (
    facet text NOT NULL,
    value text NOT NULL,
    chunk integer NOT NULL,
    bits bit(30720) NOT NULL,
    PRIMARY KEY (facet, value, chunk)
);
ALTER TABLE catalog_facet_bits ALTER COLUMN bits SET STORAGE MAIN;
CREATE TABLE catalog_facet_change (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    product_id uuid NOT NULL
);

CREATE FUNCTION catalog_note_facets_of_new() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO catalog_facet_change (product_id) SELECT id FROM fresh;
    RETURN NULL;
END $$;
CREATE FUNCTION catalog_note_facets_of_row() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO catalog_facet_change (product_id) VALUES (OLD.id);
    RETURN NULL;
END $$;
CREATE FUNCTION catalog_forget_facets() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    TRUNCATE catalog_facet_bits, catalog_facet_place, catalog_facet_change;
    RETURN NULL;
END $$;
CREATE TRIGGER product_facets_of_new AFTER INSERT ON catalog_product
    REFERENCING NEW TABLE AS fresh FOR EACH STATEMENT EXECUTE FUNCTION catalog_note_facets_of_new();
CREATE TRIGGER product_facets_of_changed AFTER UPDATE ON catalog_product
    FOR EACH ROW WHEN (
        (OLD.kind, OLD.make, OLD.year, OLD.price, OLD.condition, OLD.category_id, OLD.body, OLD.fuel, OLD.mileage,
            OLD.is_active, OLD.is_available, OLD.deleted_at IS NULL)
        IS DISTINCT FROM
        (NEW.kind, NEW.make, NEW.year, NEW.price, NEW.condition, NEW.category_id, NEW.body, NEW.fuel, NEW.mileage,
            NEW.is_active, NEW.is_available, NEW.deleted_at IS NULL)
    ) EXECUTE FUNCTION catalog_note_facets_of_row();
CREATE TRIGGER product_facets_of_gone AFTER DELETE ON catalog_product
    FOR EACH ROW EXECUTE FUNCTION catalog_note_facets_of_row();
CREATE TRIGGER product_facets_of_none AFTER TRUNCATE ON catalog_product
    FOR EACH STATEMENT EXECUTE FUNCTION catalog_forget_facets();

INSERT INTO catalog_facet_change (product_id) SELECT id FROM catalog_product
"""

# catalog_bits(n, 1) is the row with the bits n set. catalog_at_most(slice, digit ORDER BY slice number) has the bit of
# every number that is at most the one with those binary digits: from the lowest digit up, a 1 lets pass who has a 0
# there, and a 0 stops who has a 1.
ADD_AGGREGATES = """
CREATE AGGREGATE catalog_bits(integer, integer) (
    SFUNC = set_bit, STYPE = bit, SSPACE = 4096, INITCOND = '%(zeros)s', PARALLEL = SAFE
);
CREATE FUNCTION catalog_at_most_step(found bit, slice bit, is_one boolean) RETURNS bit
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT CASE WHEN is_one THEN found | ~slice ELSE found & ~slice END
$$;
CREATE AGGREGATE catalog_at_most(bit, boolean) (
    SFUNC = catalog_at_most_step, STYPE = bit, SSPACE = 4096, INITCOND = '%(ones)s', PARALLEL = SAFE
)
""" % {'zeros': '0' * 30720, 'ones': '1' * 30720}

REMOVE = """
DROP TRIGGER product_facets_of_new ON catalog_product;
DROP TRIGGER product_facets_of_changed ON catalog_product;
DROP TRIGGER product_facets_of_gone ON catalog_product;
DROP TRIGGER product_facets_of_none ON catalog_product;
DROP FUNCTION catalog_note_facets_of_new();
DROP FUNCTION catalog_note_facets_of_row();
DROP FUNCTION catalog_forget_facets();
DROP TABLE catalog_facet_bits, catalog_facet_place, catalog_facet_change
"""
REMOVE_AGGREGATES = """
DROP AGGREGATE catalog_bits(integer, integer);
DROP AGGREGATE catalog_at_most(bit, boolean);
DROP FUNCTION catalog_at_most_step(bit, bit, boolean)
"""


class Migration(migrations.Migration):

    dependencies = [
        ('catalog', '0007_saved_news_price_revisions_stock_counts'),
    ]

    operations = [
        migrations.RunSQL(ADD_AGGREGATES, REMOVE_AGGREGATES),
        migrations.RunSQL(ADD, REMOVE),
    ]
