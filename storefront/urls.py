"""Addresses of the storefront's pages."""

from django.urls import path, re_path
from django.views.i18n import set_language

from storefront import views
from storefront.pages import nowhere

app_name = "storefront"
urlpatterns = [
    path("", views.home, name="home"),
    path("cars/", views.catalogue, name="catalogue"),
    path("cars/<uuid:product_id>/", views.vehicle, name="vehicle"),
    path("cars/<uuid:product_id>/buy/", views.buy, name="buy"),
    path("cart/", views.cart, name="cart"),
    path("cart/add/<uuid:product_id>/", views.add_to_cart, name="add-to-cart"),
    path("cart/items/<uuid:item_id>/", views.change_cart, name="change-cart"),
    path("cart/checkout/", views.check_out, name="check-out"),
    path("loan-calculator/", views.calculator, name="calculator"),
    path("loan-calculator/schedule.<str:kind>", views.calculator_file, name="calculator-file"),
    path("orders/", views.orders, name="orders"),
    path("orders/<uuid:order_id>/", views.order, name="order"),
    path("orders/<uuid:order_id>/pay/", views.pay, name="pay"),
    path("orders/<uuid:order_id>/cancel/", views.cancel, name="cancel"),
    path("board/", views.board, name="board"),
    path("board/<uuid:order_id>/move/", views.move, name="board-move"),
    path("events/", views.happenings, name="happenings"),
    path("events/<uuid:happening_id>/", views.happening, name="happening"),
    path("events/<uuid:happening_id>/register/", views.register, name="register"),
    path("events/<uuid:happening_id>/accept/", views.accept_seat, name="accept-seat"),
    path("events/<uuid:happening_id>/pay/", views.pay_seat, name="pay-seat"),
    path("events/<uuid:happening_id>/give-up/", views.give_up_seat, name="give-up-seat"),
    path("test-drives/", views.test_drives, name="test-drives"),
    path("test-drives/book/", views.book_drive, name="book-drive"),
    path("test-drives/<uuid:drive_id>/cancel/", views.cancel_drive, name="cancel-drive"),
    path("insurance/", views.wallet, name="insurance"),
    path("insurance/<uuid:policy_id>/document/", views.policy_document, name="policy-document"),
    path("insurance/<uuid:policy_id>/claim/", views.report_claim, name="report-claim"),
    path("insurance/claims/<uuid:claim_id>/papers/", views.add_papers, name="add-papers"),
    path("sign-in/", views.sign_in, name="sign-in"),
    path("sign-in/code/", views.sign_in_code, name="sign-in-code"),
    path("sign-in/provider/", views.leave_for_provider, name="provider"),
    path("sign-in/provider/callback/", views.come_back_from_provider, name="provider-callback"),
    path("forgot-password/", views.forgotten, name="forgotten"),
    path("reset-password/", views.reset_password, name="reset-password"),
    path("verify-email/", views.verify_email, name="verify-email"),
    path("account/", views.account, name="account"),
    path("account/data/<uuid:export_id>/", views.download_export, name="download-export"),
    path("sign-up/", views.sign_up, name="sign-up"),
    path("sign-out/", views.sign_out, name="sign-out"),
    path("live-ticket/", views.live_ticket, name="live-ticket"),
    path("language/", set_language, name="language"),
    re_path(r"^.+/$", nowhere),
]
