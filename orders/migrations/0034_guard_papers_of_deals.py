from django.db import migrations

from core.postgres.history import OnlyAdded

ADD = """
CREATE FUNCTION orders_refuse_changed_template() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'version % of template % is no draft', OLD.number, OLD.kind USING ERRCODE = 'restrict_violation';
END $$;

CREATE TRIGGER template_frozen BEFORE UPDATE ON orders_documenttemplate FOR EACH ROW
    WHEN (OLD.state <> 'draft' AND (NEW.state = 'draft' OR OLD.text <> NEW.text OR OLD.title <> NEW.title
          OR OLD.kind <> NEW.kind OR OLD.language <> NEW.language OR OLD.number <> NEW.number
          OR OLD.valid_from IS DISTINCT FROM NEW.valid_from))
    EXECUTE FUNCTION orders_refuse_changed_template();

CREATE TRIGGER template_kept BEFORE DELETE ON orders_documenttemplate FOR EACH ROW WHEN (OLD.state <> 'draft')
    EXECUTE FUNCTION orders_refuse_changed_template();
"""

REMOVE = """
DROP TRIGGER template_kept ON orders_documenttemplate;
DROP TRIGGER template_frozen ON orders_documenttemplate;
DROP FUNCTION orders_refuse_changed_template();
"""


class Migration(migrations.Migration):

    dependencies = [
        ('orders', '0033_keep_papers_of_deals'),
    ]

    operations = [
        migrations.RunSQL(ADD, REMOVE),
        OnlyAdded(words=('text', 'content', 'facts_digest')).on('orders_issueddocument'),
        OnlyAdded(
            words=('signer_name', 'phone', 'address', 'user_agent', 'certificate', 'cms', 'code_hash')
        ).on('orders_documentsignature'),
    ]
