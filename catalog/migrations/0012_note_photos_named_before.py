from django.db import migrations

# Products that named a photo before photos were fetched. Hosts here only set the pace: how they are spelt is no matter.
_NOTE = r"""
INSERT INTO catalog_photohost (host, next_at, failures)
SELECT DISTINCT lower(left(substring(image_url FROM '^https?://([^/:?#@\s]+)'), 255)), now(), 0
FROM catalog_product
WHERE image_url ~ '^https?://[^/:?#@\s]+' AND deleted_at IS NULL
ON CONFLICT (host) DO NOTHING;

INSERT INTO catalog_outsidephoto (id, product_id, address, host, state, attempts, next_at, error, asked_at)
SELECT gen_random_uuid(), id, image_url, lower(left(substring(image_url FROM '^https?://([^/:?#@\s]+)'), 255)),
       'waiting', 0, now(), '', now()
FROM catalog_product
WHERE image_url ~ '^https?://[^/:?#@\s]+' AND deleted_at IS NULL
ON CONFLICT (product_id) DO NOTHING;
"""


class Migration(migrations.Migration):
    """What was imported with the address of a photo gets its photo too."""

    dependencies = [("catalog", "0011_photos_from_elsewhere")]

    operations = [migrations.RunSQL(_NOTE, migrations.RunSQL.noop)]
