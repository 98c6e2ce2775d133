"""Give loans paid out before schedules had versions their first one, and the first entry of their books."""

import uuid

from django.db import migrations


def fill(apps, schema_editor):
    loans = apps.get_model("financing", "Loan").objects.using(schema_editor.connection.alias)
    version, entry, line = (apps.get_model("financing", name) for name in ("LoanVersion", "LoanEntry", "LoanLine"))
    for loan in loans.select_related("application__programme").prefetch_related("rows").iterator(chunk_size=500):
        first = min(loan.rows.all(), key=lambda row: row.number)
        loan.bank, loan.balloon = loan.application.programme.bank, loan.application.balloon
        if loan.status != "cancelled":
            loan.next_due_date, loan.next_payment = first.due_date, first.payment
        loan.save()
        version.objects.using(loans.db).create(
            id=uuid.uuid4(), loan=loan, number=1, kind="payout", from_date=loan.disbursed_date,
            period_start=loan.disbursed_date, annual_rate=loan.annual_rate, principal=loan.principal,
            payment=first.principal if loan.schedule == "differentiated" else loan.monthly_payment,
            monthly_payment=loan.monthly_payment, psk=loan.psk, created_at=loan.created_at,
        )
        if loan.status == "cancelled":
            continue
        booked = entry.objects.using(loans.db).create(
            id=uuid.uuid4(), loan=loan, kind="payout", day=loan.disbursed_date, created_at=loan.created_at
        )
        for account, amount in (("cash", -loan.principal), ("principal", loan.principal)):
            line.objects.using(loans.db).create(entry=booked, account=account, amount=amount)


class Migration(migrations.Migration):
    dependencies = [("financing", "0002_add_loan_servicing")]
    operations = [migrations.RunPython(fill, migrations.RunPython.noop)]
