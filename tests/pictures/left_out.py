"""Pages that have no picture of their own, by the reason why: a new page is pictured, or named here."""

_USUAL = (
    "accounts_session catalog_category catalog_import catalog_outsidephoto catalog_pricerevision "
    "catalog_reservation catalog_rowerror catalog_stockcount catalog_stockmovement clients_activity "
    "clients_clientexport clients_clientimport clients_clientrowerror clients_consentproof clients_merge "
    "clients_vehicle financing_applicationdocument financing_creditlimit financing_loanpayment financing_loanrefund "
    "financing_override financing_programme financing_workcalendaryear gateway_reading insurance_moneyrequest "
    "insurance_quote insurance_tariffrevision insurance_tariffrow notifications_notification "
    "notifications_preference notifications_recipient notifications_webhookdelivery orders_checkout "
    "orders_commission orders_commissionrule orders_depositagreement orders_handoverappointment orders_orderthread "
    "orders_queueplace orders_tradein payments_dispute payments_ledgeraccount payments_ledgerentry "
    "payments_legalentity payments_payout payments_reconciliation payments_refund resources_allocation "
    "resources_blackout resources_resource resources_resourcetype showroom_drive showroom_eventcategory "
    "showroom_happening showroom_registration"
)
LEFT_OUT: dict[str, tuple[str, ...]] = {
    "lists that look like those of orders, payments and stock": tuple(
        f"admin:{name}_changelist" for name in _USUAL.split()
    ),
    "technical lists, shown to administrators only": (
        "admin:insurance_vehiclecopy_changelist", "admin:orders_productcopy_changelist",
        "admin:payments_ordercopy_changelist", "admin:payments_webhookevent_changelist",
    ),
    "part of another page, or an answer to its script": (
        "admin:app_list", "admin:autocomplete", "admin:catalog_import_progress", "admin:clients_clientimport_progress",
        "admin:jsi18n", "admin:orders_documenttemplate_preview", "admin:view_on_site", "badges",
    ),
    "a question with two buttons": ("admin:catalog_scheduledprice_cancel",),
    "a file, a picture or a paper": (
        "admin:catalog_import_refused", "admin:clients_clientimport_refused",
        "admin:financing_applicationdocument_download", "admin:orders_salesoffer_paper",
        "admin:showroom_drive_signature", "calculator-file", "download-export", "handover-file", "loan-file",
        "loan-paper", "offer-paper", "order-document", "order-paper", "policy-document",
    ),
    "for programs": ("manifest", "robots", "service-worker", "sitemap", "sitemap-cars", "sitemap-pages"),
    "a form like those that are pictured": (
        "admin:financing_creditlimit_quarter", "admin:financing_workcalendaryear_moved_payments",
        "admin:orders_order_marks",
        "admin:password_change", "admin:password_change_done", "admin:showroom_drive_take_back", "apply", "ask",
        "buyer-passport", "handover", "order-messages", "step-up",
    ),
    "only by a link from a letter": ("reset-password", "undo-email", "unsubscribe", "verify-email"),
    "leads on to another page": ("admin:logout", "paid", "provider", "provider-callback"),
    "letters of a demonstration, by their dates": ("admin:notifications_notification_mailbox",),
}  # fmt: skip
