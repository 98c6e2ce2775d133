"""List who may do what on which screen of the admin: the table that tests/permissions/test_screens.py executes.

Columns: the screen; who may look, add, change and delete; what its buttons and actions are called. `manager` is
administrators too; `nobody` is nobody by a form, since services alone change it. Clients, and staff who owe a second
factor, have no screen at all.
"""

import re
from dataclasses import dataclass

TABLE = """
accounts.savedview               manager  manager  manager  manager  -
accounts.session                 admin    nobody   nobody   nobody   end
accounts.user                    admin    admin    admin    nobody   close,erase,make_admin,make_client,
                                                                        make_manager,reopen,reset,reset_mfa
catalog.category                 manager  manager  manager  admin    delete_selected
catalog.import                   manager  manager  nobody   nobody   -
catalog.outsidephoto             manager  nobody   nobody   nobody   fetch_again
catalog.pricerevision            manager  manager  nobody   nobody   -
catalog.product                  manager  manager  manager  admin    change_prices,delete_selected,publish_vehicles,
                                                                        photos
catalog.reservation              manager  nobody   nobody   nobody   -
catalog.rowerror                 manager  nobody   nobody   nobody   -
catalog.scheduledprice           manager  manager  nobody   nobody   cancel
catalog.stockcount               manager  manager  nobody   nobody   -
catalog.stockmovement            manager  nobody   nobody   nobody   -
clients.activity                 manager  nobody   nobody   nobody   -
clients.client                   manager  manager  manager  nobody   hide
clients.clientexport             manager  manager  nobody   nobody   -
clients.consentproof             manager  nobody   nobody   nobody   -
clients.clientimport             manager  manager  nobody   nobody   -
clients.clientrowerror           manager  nobody   nobody   nobody   -
clients.duplicate                manager  nobody   nobody   nobody   dismiss,merge
clients.lead                     manager  manager  nobody   nobody   answer,assign,move_on,reply
clients.merge                    manager  nobody   nobody   nobody   undo
clients.vehicle                  manager  nobody   nobody   nobody   -
financing.application            manager  nobody   nobody   nobody   approve,reject,approve_one,counter,
                                                                        override,refuse
financing.applicationdocument    manager  nobody   nobody   nobody   accept,download,turn_down
financing.creditlimit            manager  manager  nobody   nobody   quarter
financing.loan                   manager  nobody   nobody   nobody   collect,give_back,portfolio,repay_early,
                                                                        restructure,stop_collecting,suspend,
                                                                        write_off
financing.loanpayment            manager  nobody   nobody   nobody   confirm,refuse,reverse
financing.loanrefund             manager  nobody   nobody   nobody   -
financing.override               manager  nobody   nobody   nobody   confirm,turn_down
financing.programme              manager  manager  manager  nobody   -
financing.workcalendaryear       manager  nobody   nobody   nobody   follow,moved_payments
gateway.reading                  admin    nobody   nobody   nobody   -
gateway.switchturn               admin    nobody   nobody   nobody   -
insurance.claim                  manager  nobody   nobody   nobody   approve,ask,close,pay,assess,reject,reopen
insurance.moneyrequest           manager  nobody   nobody   nobody   -
insurance.policy                 manager  nobody   nobody   nobody   cancel,keep,reinstate,confirm,end
insurance.quote                  manager  nobody   nobody   nobody   -
insurance.tariffrevision         manager  nobody   nobody   nobody   -
insurance.tariffrow              manager  nobody   nobody   nobody   -
insurance.vehiclecopy            admin    nobody   nobody   nobody   -
messaging.inboxevent             manager  nobody   nobody   nobody   -
notifications.notification       manager  nobody   nobody   nobody   send_again,mailbox
notifications.preference         manager  nobody   nobody   nobody   -
notifications.recipient          manager  nobody   nobody   nobody   -
notifications.webhookdelivery    admin    nobody   nobody   nobody   redeliver
notifications.webhookendpoint    admin    admin    admin    nobody   enable,send_test
orders.checkout                  manager  nobody   nobody   nobody   steer_accept,steer_cancel,steer_refuse,
                                                                        steer_retry,steer_settle,steer_skip,steer_take_over
orders.commission                manager  nobody   nobody   nobody   correct,months
orders.commissionrule            admin    admin    nobody   nobody   -
orders.depositagreement          manager  nobody   nobody   nobody   state_fault
orders.documenttemplate          manager  manager  manager  nobody   enforce,retire
orders.handoverappointment       manager  nobody   nobody   nobody   call_off
orders.issueddocument            manager  nobody   nobody   nobody   -
orders.order                     manager  nobody   nobody   nobody   marks,move_to_cancelled,move_to_completed,
                                                                        move_to_in_progress,move_to_ready,sales_figures,
                                                                        settle_messages,write_message,arrange_handover
orders.orderreturn               manager  nobody   nobody   nobody   accept,inspect,refuse
orders.orderthread               manager  nobody   nobody   nobody   -
orders.productcopy               admin    nobody   nobody   nobody   -
orders.queueplace                manager  nobody   nobody   nobody   skip
orders.salesoffer                manager  nobody   nobody   nobody   paper,send,withdraw
orders.tradein                   manager  nobody   nobody   nobody   -
payments.dispute                 manager  nobody   nobody   nobody   -
payments.ledgeraccount           admin    nobody   nobody   nobody   -
payments.ledgerentry             manager  nobody   nobody   nobody   accounting
payments.legalentity             manager  admin    admin    admin    -
payments.ordercopy               admin    nobody   nobody   nobody   -
payments.payment                 manager  nobody   nobody   nobody   ask,cancel,capture,refund,not_taken,
                                                                        refund_part,taken
payments.payout                  manager  nobody   nobody   nobody   retry
payments.receipt                 manager  nobody   nobody   nobody   retry,correct
payments.reconciliation          manager  nobody   nobody   nobody   download
payments.refund                  manager  nobody   nobody   nobody   approve,reject,retry
payments.webhookevent            admin    nobody   nobody   nobody   -
resources.allocation             manager  nobody   nobody   nobody   give_back,calendar
resources.blackout               manager  manager  nobody   nobody   open_again
resources.resource               manager  manager  manager  nobody   break_down,hide,repair
resources.resourcetype           manager  manager  manager  nobody   -
showroom.drive                   manager  nobody   nobody   nobody   give_up,not_come,calendar,hand_out,
                                                                        signature,take_back
showroom.eventcategory           manager  manager  manager  nobody   -
showroom.happening               manager  manager  manager  nobody   call_off,calendar,door
showroom.registration            manager  nobody   nobody   nobody   give_up
"""


@dataclass(frozen=True)
class Screen:
    """One model of the admin."""

    model: str
    look: str
    add: str
    change: str
    delete: str
    buttons: frozenset[str]


def screens() -> list[Screen]:
    """Every row of the table."""
    return [_read(*line.split()) for line in re.sub(r",\n +", ",", TABLE).strip().splitlines()]


def _read(model: str, look: str, add: str, change: str, delete: str, buttons: str) -> Screen:
    return Screen(model, look, add, change, delete, frozenset(buttons.split(",")) - {"-"})
