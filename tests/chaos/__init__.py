"""Chaos: real processes, each killed at the worst moment, and the proof that nothing is lost, doubled or stuck.

    what dies, and when                                        where
 1  the web process, before its commit                         test_web
 2  the web process, after its commit, before it wakes a relay test_web
 3  the web process, after its commit, before it answers       test_web
 4  a relay, positions given, nothing told or copied           test_relay (also: sockets hear of it all the same)
 5  a relay, copies written, cursor not moved                  test_relay
 6  a relay, copied, nobody woken                              test_relay (the last event, so that no later one helps)
 7  all relays; Celery's task in their place                   test_relay
 8  a whole worker                                             test_workers
 9  a pool process, handler done, before its commit            test_workers
10  a pool process, after its commit                           test_workers
11  a worker that freezes inside a transaction                 test_workers
12  an event that kills whoever handles it                     test_workers
13  Valkey flushed                                             test_servers
14  Valkey killed, Valkey away                                 test_servers
15  a subscriber's database                                    test_servers (degraded selling)
16  the source's database                                      test_servers
17  the orders database in the middle of a checkout            test_servers (away, and crashed at each step)
18  a source restored from a backup                            test_servers (its epoch changes, as a restore's does)
19  whoever calls the provider, before, during and after       test_calls
20  the provider, which answers too late                       test_calls
21  the process that holds a socket                            test_servers
22  a broadcast that never arrives                             test_servers
24  no clock, two clocks                                       test_workers
26  clocks that are five minutes wrong                         test_servers

Not here: 23, a client that stops reading, needs megabytes of backlog in the kernel's buffers before anything happens;
orders/tests/test_feed.py fills its queue directly. 25, old and new code together, needs two versions of the code;
messaging's own tests deliver unknown types and versions. 27, a full disk, looks to us like any statement that fails.

The checkout is killed after every step in test_saga. test_storm kills at random; storm.py replays a seed. test_mutants
breaks one promise of messaging at a time and shows that its scenario notices.
"""
