"""Ctrl-C ends a command at once and without a traceback, whatever it is doing."""

import multiprocessing
import os
import time
from concurrent.futures import ProcessPoolExecutor

import pytest

import manage
from config.management.commands.migrate_all import _interruptible, _report_to

LONG_S = 60


def test_a_command_that_is_interrupted_says_nothing(monkeypatch, capsys):
    def interrupted():
        raise KeyboardInterrupt

    monkeypatch.setattr(manage, "_run", interrupted)
    with pytest.raises(SystemExit) as end:
        manage.main()
    assert end.value.code == 130
    assert capsys.readouterr() == ("", "")


def work():
    """A migration that takes its time; tells who does it."""
    from config.management.commands import migrate_all

    migrate_all._news.put(os.getpid())
    time.sleep(LONG_S)


def interrupt(told):
    context = multiprocessing.get_context("fork")
    news = context.SimpleQueue()
    pool = ProcessPoolExecutor(1, context, initializer=_report_to, initargs=(news,))
    with _interruptible(pool):
        pool.submit(work)
        told.append(news.get())
        raise KeyboardInterrupt


def test_nobody_waits_for_migrations_that_are_under_way():
    started, told = time.monotonic(), []
    with pytest.raises(KeyboardInterrupt):
        interrupt(told)
    assert time.monotonic() - started < LONG_S / 2
    with pytest.raises(ProcessLookupError):
        os.kill(told[0], 0)
