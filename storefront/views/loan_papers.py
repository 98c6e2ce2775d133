"""Papers of one's own loan application: what is asked for, what came of it, and sending more."""

from uuid import UUID

from django.conf import settings
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_http_methods

from core.errors import DomainError, NotFound
from financing import queries, services
from gateway.access.readings import Papers, hand_over
from storefront.forms.loans import PaperForm
from storefront.forms.refusals import add_refusal
from storefront.pages import page
from storefront.visitor import count, user_id


@page
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
@login_required
def loan_papers(request: HttpRequest, application_id: UUID) -> HttpResponse:
    """The papers of one's own application; a POST sends one more, and the same file again changes nothing."""
    found = queries.read_papers(application_id, customer_id=user_id(request))
    if found is None:
        raise NotFound
    is_sent = request.method == "POST"
    form = PaperForm(request.POST if is_sent else None, request.FILES or None, initial={"kind": found.next_kind})
    status = 200
    if is_sent:
        try:
            count(request, "default")
            if form.is_valid():
                _send(request, application_id, form)
                messages.success(request, _("Your paper is in. A manager looks at it."))
                return redirect("storefront:loan-papers", application_id)
            status = 400
        except NotFound:
            raise
        except DomainError as error:
            add_refusal(form, error)
            status = error.status
    context = {"papers": found, "form": form, "max_bytes": settings.CREDIT_FILE_MAX_BYTES}
    return render(request, "storefront/loan_papers.html", context, status=status)


def _send(request: HttpRequest, application_id: UUID, form: PaperForm) -> None:
    file = form.cleaned_data["file"]
    services.add_document(
        application_id=application_id,
        kind=form.cleaned_data["kind"],
        name=file.name or "",
        content=file.read(settings.CREDIT_FILE_MAX_BYTES + 1),
        actor_id=user_id(request),
        customer_id=user_id(request),
        now=timezone.now(),
    )


@page
@never_cache
@require_GET
@login_required
def loan_paper(request: HttpRequest, application_id: UUID, document_id: UUID) -> HttpResponse:
    """A paper as it was sent, to save: never shown inside a page of ours."""
    paper = queries.read_own_paper(document_id, application_id=application_id, customer_id=user_id(request))
    return hand_over(
        request,
        Papers("financing", "application_paper", paper.pk, user_id(request)),
        queries.read_document(paper),
        paper.content_type,
        headers={"Content-Disposition": f'attachment; filename="{paper.pk}"', "X-Content-Type-Options": "nosniff"},
    )
