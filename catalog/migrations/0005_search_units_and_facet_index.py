from django.db import migrations

# The search column of 0002 with trim and plate. A generated column cannot be altered, so it is made anew under its
# name. Trigrams of whole products (`words`) go: at a million rows a typo cost seconds.
DROP = """
DROP FUNCTION catalog_similar_products(text);
ALTER TABLE catalog_product DROP COLUMN words, DROP COLUMN search
"""
ADD_COLUMNS = """
ALTER TABLE catalog_product
    ADD COLUMN search tsvector GENERATED ALWAYS AS (
        setweight(to_tsvector('simple'::regconfig,
            translate(lower(name || ' ' || make || ' ' || model || ' ' || trim || ' ' || sku || ' ' || vin || ' '
                || plate), 'ё-/', 'е  ')), 'A')
        || setweight(to_tsvector('russian'::regconfig,
            translate(lower(name || ' ' || make || ' ' || model || ' ' || trim), 'ё-/', 'е  ')), 'A')
        || setweight(to_tsvector('russian'::regconfig,
            translate(lower(body || ' ' || color || ' ' || fuel || ' ' || transmission || ' ' || drive
                || ' ' || coalesce(year::text, '')), 'ё-/', 'е  ')), 'B')
        || setweight(to_tsvector('russian'::regconfig,
            translate(lower(left(description, 10000)), 'ё-/', 'е  ')), 'D')) STORED
"""

# Every word that names a product, once, and how it sounds in Latin letters: some thousands of rows in which a
# misspelt or transliterated word is looked up, whatever the number of products. Words are never taken out: one that
# no product has any longer finds nothing.
ADD_WORDS = """
CREATE FUNCTION catalog_spell(word text) RETURNS text LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT translate(
        replace(replace(replace(replace(replace(lower(word), 'sch', 's'), 'sh', 's'), 'ch', 'k'), 'ph', 'f'), 'x', 'ks'),
        'абвгдеёжзийклмнопрстуфхцчшщыэюяcwyqъь', 'abvgdeejziiklmnoprstufhkkssieuakvik')
$$;
CREATE TABLE catalog_word (
    word text COLLATE "C" PRIMARY KEY,
    spelt text COLLATE "C" NOT NULL GENERATED ALWAYS AS (catalog_spell(word)) STORED
);
CREATE INDEX word_by_spelling ON catalog_word (spelt);
CREATE FUNCTION catalog_words_of(text) RETURNS SETOF text LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT word FROM regexp_split_to_table(translate(lower($1), 'ё-/', 'е  '), '[\\s,.;:()!?"«»+*&|<>]+') AS word
    WHERE length(word) BETWEEN 2 AND 40 AND word !~ '^[0-9]+$'
$$;
CREATE FUNCTION catalog_learn_words() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO catalog_word (word)
        SELECT DISTINCT said FROM (
            SELECT DISTINCT concat_ws(' ', name, make, model, trim, body, color, fuel, transmission, drive) AS text
            FROM fresh
        ) AS texts, catalog_words_of(text) AS said
        WHERE NOT EXISTS (SELECT FROM catalog_word AS known WHERE known.word = said COLLATE "C")
        ORDER BY said
    ON CONFLICT DO NOTHING;
    RETURN NULL;
END $$;
CREATE FUNCTION catalog_learn_row() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO catalog_word (word)
        SELECT DISTINCT word FROM catalog_words_of(concat_ws(' ', new.name, new.make, new.model, new.trim, new.body,
            new.color, new.fuel, new.transmission, new.drive)) AS word
        ORDER BY word
    ON CONFLICT DO NOTHING;
    RETURN NULL;
END $$;
CREATE TRIGGER product_words_of_new AFTER INSERT ON catalog_product
    REFERENCING NEW TABLE AS fresh FOR EACH STATEMENT EXECUTE FUNCTION catalog_learn_words();
CREATE TRIGGER product_words_of_changed
    AFTER UPDATE OF name, make, model, trim, body, color, fuel, transmission, drive ON catalog_product
    FOR EACH ROW WHEN ((old.name, old.make, old.model, old.trim, old.body, old.color, old.fuel, old.transmission,
        old.drive) IS DISTINCT FROM (new.name, new.make, new.model, new.trim, new.body, new.color, new.fuel,
        new.transmission, new.drive)) EXECUTE FUNCTION catalog_learn_row()
"""
LEARN = """
INSERT INTO catalog_word (word)
    SELECT DISTINCT word FROM (
        SELECT DISTINCT concat_ws(' ', name, make, model, trim, body, color, fuel, transmission, drive) AS text
        FROM catalog_product
    ) AS texts, catalog_words_of(text) AS word ORDER BY word
ON CONFLICT DO NOTHING
"""
FORGET_WORDS = """
DROP TRIGGER product_words_of_new ON catalog_product;
DROP TRIGGER product_words_of_changed ON catalog_product;
DROP FUNCTION catalog_learn_words();
DROP FUNCTION catalog_learn_row();
DROP FUNCTION catalog_words_of(text);
DROP TABLE catalog_word;
DROP FUNCTION catalog_spell(text)
"""

# `product_facets` orders products by a hash of their id: its first k slices of 1024 are a random sample of that size,
# always up to date, and hold all that facets group and filter by, so that counting touches the index only.
ADD_INDEXES = """
CREATE INDEX product_search ON catalog_product USING gin (search);
CREATE INDEX product_plate_fragment ON catalog_product USING gin (plate gin_trgm_ops) WHERE plate <> '';
CREATE INDEX product_facets ON catalog_product ((uuid_hash(id) & 1023)) INCLUDE (
    id, kind, make, model, year, price, mileage, condition, category_id, body, fuel, is_available
) WHERE is_active AND deleted_at IS NULL;
CREATE STATISTICS product_slices ON (uuid_hash(id) & 1023) FROM catalog_product
"""
REMOVE_INDEXES = """
DROP STATISTICS product_slices;
DROP INDEX IF EXISTS product_search, product_plate_fragment, product_facets
"""


class Migration(migrations.Migration):

    dependencies = [
        ('catalog', '0004_vehicle_life_and_catalogue_extras'),
    ]

    operations = [
        migrations.RunSQL(DROP, migrations.RunSQL.noop),
        migrations.RunSQL(ADD_COLUMNS, migrations.RunSQL.noop),
        migrations.RunSQL(ADD_WORDS, FORGET_WORDS),
        migrations.RunSQL(LEARN, migrations.RunSQL.noop),
        migrations.RunSQL(ADD_INDEXES, REMOVE_INDEXES),
    ]
