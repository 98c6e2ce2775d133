from django.db import migrations

# What was written never changes, but for erasure: it says so for its own transaction, and reaches words alone.
FORGETS = """
CREATE OR REPLACE FUNCTION orders_refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    words CONSTANT text[] := CASE TG_TABLE_NAME
        WHEN 'orders_orderhistory' THEN ARRAY['reason', 'data', 'before', 'after']
        WHEN 'orders_document' THEN ARRAY['facts', 'facts_hash']
        ELSE ARRAY[]::text[] END;
BEGIN
    IF current_setting('autosalon.forgets', true) = 'on' THEN
        IF TG_OP = 'UPDATE' AND to_jsonb(OLD) - words = to_jsonb(NEW) - words THEN
            RETURN NEW;
        ELSIF TG_OP = 'DELETE' AND TG_TABLE_NAME = 'orders_documentfile' THEN
            RETURN OLD;
        END IF;
    END IF;
    RAISE EXCEPTION '% is only added to', TG_TABLE_NAME USING ERRCODE = 'restrict_violation';
END $$
"""

FOR_EVER = """
CREATE OR REPLACE FUNCTION orders_refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '% is only added to', TG_TABLE_NAME USING ERRCODE = 'restrict_violation';
END $$
"""


class Migration(migrations.Migration):

    dependencies = [
        ('orders', '0017_guard_handover'),
    ]

    operations = [
        migrations.RunSQL(FORGETS, FOR_EVER),
    ]
