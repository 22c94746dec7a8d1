"""What Resend reports of mail: delivered, bounced, complained."""

import time
from uuid import uuid4

from client import OPERATOR_KEY, Client
from mails import announce, announced, mail, mails, sent, settled
from recorder import Answer, Recorder
from reporting import post, resend_says, svix_signature
from stack import Stack, wait_for

BOUNCE = {"bounce": {"message": "The mailbox does not exist.", "type": "Permanent", "subType": "General"}}


def test_a_mail_shows_how_far_it_got_by_its_tag_or_by_resends_id(api: Client, vendors: Recorder) -> None:
    mail_id, word = announced(api, vendors)
    shown = settled(api, mail_id)
    assert (shown["status"], shown["delivery"]["state"]) == ("SENT", "accepted")
    [call] = sent(vendors, word)
    [tag] = call.json["tags"]
    assert tag == {"name": "nightshift", "value": mail_id}
    for kind, state in (("email.delivered", "delivered"), ("email.sent", "delivered"), ("email.opened", "read")):
        for tags in ({tag["name"]: tag["value"]}, None):
            assert resend_says(api, kind, shown["providerId"], tags).status_code == 200
            assert mail(api, mail_id)["delivery"]["state"] == state
    assert resend_says(api, "email.complained", shown["providerId"]).status_code == 200
    delivery = mail(api, mail_id)["delivery"]
    assert (delivery["state"], delivery["error"]) == ("read", "The recipient marked this mail as spam.")
    for kind, email_id in (("email.bounced", "of-nobody"), ("domain.created", "x"), ("email.received", "x")):
        assert resend_says(api, kind, email_id).status_code == 200


def test_only_resends_signature_opens_its_hook(api: Client) -> None:
    url, body = f"{api.base_url}/v1/hooks/RESEND", b'{"type": "email.sent", "data": {}}'
    assert post(url, body, svix_signature(body)).status_code == 200
    an_hour_ago = svix_signature(body, at=time.time() - 3600)
    for headers in ({}, svix_signature(b"{}"), svix_signature(body, "whsec_b3RoZXI="), an_hour_ago):
        assert post(url, body, headers).status_code == 401
    for value in ("", "v1", "v1,%", "v1,\xe4", "v2,x v1,"):
        assert post(url, body, svix_signature(body) | {"svix-signature": value.encode("latin-1")}).status_code == 401
    for odd in (b"", b"[]", b"\xff", b'{"type": [], "data": 7}', b'{"type": "email.bounced", "data": 7}'):
        expected = 401 if odd == b"\xff" else 200  # Resend signs text
        assert post(url, odd, svix_signature(odd)).status_code == expected, odd
    large = b"x" * ((1 << 20) + 1)
    assert post(url, large, svix_signature(large)).status_code == 413


def test_a_bounced_address_is_not_written_to_again_until_it_is_changed(api: Client, vendors: Recorder) -> None:
    mail_id, _ = announced(api, vendors)
    provider_id = settled(api, mail_id)["providerId"]
    for _ in range(2):
        assert resend_says(api, "email.bounced", provider_id, **BOUNCE).status_code == 200
    shown = mail(api, mail_id)
    assert (shown["status"], shown["delivery"]["state"]) == ("FAILED", "failed")
    assert shown["error"] == shown["delivery"]["error"]
    assert "until the address is changed" in shown["error"]
    next_id, word = announced(api, vendors)
    assert "bounced" in settled(api, next_id, "FAILED")["error"]
    assert not sent(vendors, word)
    assert api("POST", f"/v1/emails/{next_id}/retry").status_code == 202
    assert settled(api, next_id, "FAILED")
    assert not sent(vendors, word)
    change = {"notifyEmail": f"{uuid4().hex}@example.com"}
    assert api("PATCH", f"/v1/workspaces/{api.workspace_id}", key=OPERATOR_KEY, json=change).status_code == 200
    last_id, word = announced(api, vendors)
    assert settled(api, last_id)["status"] == "SENT"
    assert len(sent(vendors, word)) == 1


def test_an_address_that_is_full_today_is_written_to_again(api: Client, vendors: Recorder) -> None:
    for bounce in ({"type": "Transient", "subType": "MailboxFull"}, {"type": "Undetermined"}):
        mail_id, _ = announced(api, vendors)
        provider_id = settled(api, mail_id)["providerId"]
        resend_says(api, "email.bounced", provider_id, bounce=bounce)
        assert mail(api, mail_id)["status"] == "FAILED"
        assert announce(api).status_code == 201
        assert settled(api, mails(api)[0]["id"])["status"] == "SENT"


def test_a_mail_whose_answer_was_lost_is_settled_by_its_report(api: Client, stack: Stack, vendors: Recorder) -> None:
    with stack.nothing_moves():
        mail_id, word = announced(api, vendors, Answer(silent=True))
        settled_once = "SELECT 1 FROM outbox WHERE row_id = %s AND state = 'pending' AND failures = 1"
        wait_for(lambda: stack.sql(settled_once, mail_id))
        assert (
            resend_says(api, "email.delivered", "re_lost", [{"name": "nightshift", "value": mail_id}]).status_code
            == 200
        )
        shown = mail(api, mail_id)
    assert (shown["status"], shown["providerId"], shown["delivery"]["state"]) == ("SENT", "re_lost", "delivered")
    assert len(sent(vendors, word)) == 1
    assert stack.sql("SELECT state FROM outbox WHERE row_id = %s", mail_id) == [("done",)]
