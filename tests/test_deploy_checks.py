"""`check --deploy` names settings that are valid and hardly meant."""

import pytest
from django.core.checks import run_checks

from config.declared.business import SMTP


@pytest.fixture
def named(settings):
    """Ids of our own warnings, for these settings of an installation outside debug."""

    def look(**values):
        for name, value in ({"DEBUG": False, "SANDBOX_ALLOWED": True, "EMAIL_BACKEND": SMTP} | values).items():
            setattr(settings, name, value)
        found = run_checks(tags=["security"], include_deployment_checks=True)
        return [message.id for message in found if message.id.startswith("autosalon.")]

    return look


def test_the_sandbox_outside_debug_is_named_unless_it_is_said_on_purpose(named):
    assert named(SANDBOX_ALLOWED=False) == ["autosalon.W001"]
    assert named(SANDBOX_ALLOWED=True) == []
    assert named(SANDBOX_ALLOWED=False, PAYMENT_PROVIDER="stripe") == []
    assert named(SANDBOX_ALLOWED=False, PAYMENT_PROVIDER="sandbox", DEBUG=True) == []


def test_files_sent_to_buckets_in_the_clear_are_named(named):
    assert named(S3_BUCKET="pictures", S3_ENDPOINT="http://minio.example:9000") == ["autosalon.W003"]
    assert named(S3_BUCKET="pictures", S3_ENDPOINT="http://localhost:9000") == []
    assert named(S3_BUCKET="pictures", S3_ENDPOINT="https://minio.example:9000") == []
    assert named(S3_BUCKET="", S3_ENDPOINT="http://minio.example:9000") == []


def test_a_mail_password_in_the_clear_is_named(named):
    bare = {"EMAIL_HOST": "smtp.example", "EMAIL_HOST_PASSWORD": "secret"}
    assert named(**bare) == ["autosalon.W002"]
    assert named(**bare, EMAIL_USE_TLS=True) == []
    assert named(EMAIL_HOST="localhost", EMAIL_USE_TLS=False) == []
