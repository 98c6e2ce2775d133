"""Show what a page cost beside a page where a developer asked for it, by the page's policy, and nowhere else."""

import json
import os
import re
import subprocess
import sys

import pytest
from django.conf import settings

from devtools.sbom import FILES, read_pins
from tests.product import ROOT

OPEN_A_PAGE = """
import json, sys
import django
django.setup()
from django.contrib.staticfiles import finders
from django.test import Client
def read(answer):
    policy = answer.headers.get("Content-Security-Policy", "")
    return {"body": answer.content.decode(), "policy": policy, "status": answer.status_code}
pages = {
    address: read(Client(REMOTE_ADDR=address).get("/offline/", HTTP_HOST="localhost"))
    for address in ("127.0.0.1", "198.18.0.1")
}
tool = read(Client().get("/__debug__/render_panel/?request_id=x&panel_id=SQLPanel", HTTP_HOST="localhost"))
print(json.dumps({
    "pages": pages, "tool": tool["status"], "api": read(Client().get("/health", HTTP_HOST="localhost")),
    "loaded": "debug_toolbar" in sys.modules, "script": bool(finders.find("debug_toolbar/js/toolbar.js")),
}))
"""


def opened(value):
    """Open pages in a process of its own, whose toolbar is on or off."""
    environment = {name: text for name, text in os.environ.items() if not name.startswith("PYTEST_")}
    environment |= {"AUTOSALON_DEBUG_TOOLBAR": value, "DJANGO_SETTINGS_MODULE": "config.settings"}
    command = [sys.executable, "-W", "ignore", "-c", OPEN_A_PAGE]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=100, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    return json.loads(done.stdout.splitlines()[-1])


@pytest.fixture(scope="module")
def on():
    return opened("on")


@pytest.fixture(scope="module")
def off():
    return opened("off")


def test_it_stands_beside_a_page_that_is_opened_on_this_machine(on):
    page = on["pages"]["127.0.0.1"]
    assert page["status"] == 200
    assert 'id="djDebug"' in page["body"]
    assert on["tool"] == 200
    assert on["script"]


def test_its_scripts_and_styles_are_allowed_by_the_pages_policy(on):
    page = on["pages"]["127.0.0.1"]
    toolbar = page["body"][page["body"].index('id="djDebugRoot"') :]
    scripts, links = re.findall(r"<script[^>]*>", toolbar), re.findall(r"<link[^>]*>", toolbar)
    assert scripts
    assert links
    assert [tag for tag in scripts if 'src="/static/debug_toolbar/' not in tag] == []
    assert [tag for tag in links if 'href="/static/debug_toolbar/' not in tag] == []
    assert re.findall(r'<style|\sstyle="|\son\w+="', toolbar) == []
    assert "script-src 'self'" in page["policy"]
    assert "style-src 'self'" in page["policy"]
    assert "unsafe" not in page["policy"]


def test_who_comes_from_elsewhere_and_programs_see_nothing_of_it(on):
    for answer in (on["pages"]["198.18.0.1"], on["api"]):
        assert answer["status"] == 200
        assert "djDebug" not in answer["body"]


def test_nothing_of_it_is_there_without_the_setting(off):
    assert not off["loaded"]
    assert not off["script"]
    assert off["tool"] == 404
    assert all("djDebug" not in page["body"] for page in off["pages"].values())


def test_this_run_has_none():
    assert "debug_toolbar" not in settings.INSTALLED_APPS


def test_the_image_does_not_hold_it():
    assert "django-debug-toolbar" not in read_pins(ROOT / name for name in FILES)
    assert "django-debug-toolbar" in read_pins([ROOT / "requirements-dev.txt"])
