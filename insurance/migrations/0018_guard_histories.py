from django.db import migrations

from core.postgres.history import Lapse, OnlyAdded

# What a step of a claim is: its state, what was found, decided and paid, by whom, under which terms.
NOTE = """
CREATE FUNCTION insurance_note_claim() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    noted CONSTANT text[] := ARRAY[
        'status', 'kind', 'kind_confirmed_by', 'occurred_at', 'terms_id', 'amount', 'assessed_amount', 'payable_amount',
        'proposed_amount', 'proposed_by', 'approved_amount', 'decided_by', 'penalty_amount', 'set_off_amount',
        'paid_amount'
    ];
    was CONSTANT jsonb := CASE TG_OP WHEN 'UPDATE' THEN to_jsonb(OLD) ELSE '{}' END;
    became CONSTANT jsonb := to_jsonb(NEW);
    changed jsonb;
BEGIN
    SELECT jsonb_object_agg(name, jsonb_build_array(was -> name, became -> name)) INTO changed
    FROM unnest(noted) AS name WHERE became -> name IS DISTINCT FROM coalesce(was -> name, 'null'::jsonb);
    IF changed IS NOT NULL THEN
        INSERT INTO insurance_claimhistory (claim_id, status, changes, reason, decided_by, version, at)
        VALUES (NEW.id, NEW.status, changed, NEW.reason, NEW.decided_by, NEW.version, NEW.updated_at);
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER claim_noted AFTER INSERT OR UPDATE ON insurance_claim
    FOR EACH ROW EXECUTE FUNCTION insurance_note_claim()
"""
FORGET = "DROP TRIGGER claim_noted ON insurance_claim; DROP FUNCTION insurance_note_claim()"


class Migration(migrations.Migration):

    dependencies = [
        ('insurance', '0017_add_claim_history'),
    ]

    operations = [
        migrations.RunSQL(NOTE, FORGET),
        OnlyAdded(words=('changes', 'reason')).on('insurance_claimhistory'),
        OnlyAdded(goes=True).on('insurance_claimdocument'),
        OnlyAdded(
            words=('beneficiary', 'drivers', 'settlement', 'widened'), steps={'ends_at': None}
        ).on('insurance_policyterms'),
        OnlyAdded(
            words=('changes', 'request', 'evidence'),
            steps={'money_id': None, 'applied_at': None},
            lapses=(Lapse('created_at', 0, without='applied_at'),),
        ).on('insurance_endorsement'),
        OnlyAdded().on('insurance_tariffrevision'),
        OnlyAdded(steps={'withdrawn_in_id': None}).on('insurance_tariffrow'),
    ]
