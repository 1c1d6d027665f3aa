"""The same application in a test, with the fixtures of dcrproof in place of a portal: `pytest examples/application`."""

import application


def test_the_credentials_of_the_portal_open_the_route(dcr_application, dcr_consumer, dcr_basic):
    assert application.call(dcr_consumer.route_url, dcr_application.client_id, dcr_application.secret.reveal()) == 200


def test_another_secret_does_not(dcr_application, dcr_consumer, dcr_basic):
    assert application.call(dcr_consumer.route_url, dcr_application.client_id, "another") == 401
