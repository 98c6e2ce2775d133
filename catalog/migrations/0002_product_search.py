from django.contrib.postgres.operations import TrigramExtension
from django.db import migrations

# Text is folded as readers fold their queries (catalog.models.search): lower case, ё as е, no hyphens or slashes, so
# that "CX-5" is two words. The dictionary 'russian' stems Latin words as English; 'simple' keeps every word as
# written, so that the start of a name or a VIN is found too.
#
# `words` is for trigrams. It is spelt in Latin letters, much as it sounds: pg_trgm sees no Cyrillic in a cluster whose
# LC_CTYPE is C, and "камри" finds Camry.
ADD_COLUMNS = """
ALTER TABLE catalog_product
    ADD COLUMN words text GENERATED ALWAYS AS (
        translate(lower(name || ' ' || make || ' ' || model || ' ' || sku || ' ' || vin),
            'абвгдеёжзийклмнопрстуфхцчшщыэюяcwy-/ъь',
            'abvgdeejziiklmnoprstufhkkssieuakvi  ')) STORED,
    ADD COLUMN search tsvector GENERATED ALWAYS AS (
        setweight(to_tsvector('simple'::regconfig,
            translate(lower(name || ' ' || make || ' ' || model || ' ' || sku || ' ' || vin), 'ё-/', 'е  ')), 'A')
        || setweight(to_tsvector('russian'::regconfig,
            translate(lower(name || ' ' || make || ' ' || model), 'ё-/', 'е  ')), 'A')
        || setweight(to_tsvector('russian'::regconfig,
            translate(lower(body || ' ' || color || ' ' || fuel || ' ' || transmission || ' ' || drive
                || ' ' || coalesce(year::text, '')), 'ё-/', 'е  ')), 'B')
        || setweight(to_tsvector('russian'::regconfig,
            translate(lower(left(description, 10000)), 'ё-/', 'е  ')), 'D')) STORED
"""

ADD_INDEXES = """
CREATE INDEX product_search ON catalog_product USING gin (search);
CREATE INDEX product_words ON catalog_product USING gin (words gin_trgm_ops);
CREATE INDEX product_vin_fragment ON catalog_product USING gin (vin gin_trgm_ops) WHERE vin <> ''
"""

# A function, because only there can the operator that uses the index have a threshold of its own.
ADD_FUNCTION = """
CREATE FUNCTION catalog_similar_products(query text) RETURNS TABLE (product_id uuid)
LANGUAGE sql STABLE SET pg_trgm.word_similarity_threshold = 0.5 AS $$
    SELECT id FROM catalog_product WHERE query <% words ORDER BY word_similarity(query, words) DESC, id LIMIT 1000
$$
"""


class Migration(migrations.Migration):

    dependencies = [
        ('catalog', '0001_initial'),
    ]

    operations = [
        TrigramExtension(),
        migrations.RunSQL(
            ADD_COLUMNS, 'ALTER TABLE catalog_product DROP COLUMN words, DROP COLUMN search'
        ),
        migrations.RunSQL(
            ADD_INDEXES, 'DROP INDEX IF EXISTS product_search, product_words, product_vin_fragment'
        ),
        migrations.RunSQL(ADD_FUNCTION, 'DROP FUNCTION catalog_similar_products(text)'),
    ]
