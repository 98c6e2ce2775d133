from django.db import migrations

ADD = """
CREATE FUNCTION clients_refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'UPDATE' AND NEW.note = '' THEN
        NEW.note := OLD.note;
        IF NEW IS NOT DISTINCT FROM OLD THEN
            NEW.note := '';
            RETURN NEW;
        END IF;
    END IF;
    RAISE EXCEPTION '% is only added to', TG_TABLE_NAME USING ERRCODE = 'restrict_violation';
END $$;
CREATE TRIGGER consent_append_only BEFORE UPDATE OR DELETE ON clients_consent
    FOR EACH ROW EXECUTE FUNCTION clients_refuse_change()
"""

REMOVE = """
DROP TRIGGER consent_append_only ON clients_consent;
DROP FUNCTION clients_refuse_change()
"""


class Migration(migrations.Migration):
    """Consents are only added to; erasure may blank the note alone."""

    dependencies = [
        ('clients', '0002_identities_consents_garage'),
    ]

    operations = [
        migrations.RunSQL(ADD, REMOVE),
    ]
