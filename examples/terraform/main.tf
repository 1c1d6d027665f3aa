# The how-to's part in Konnect, from an empty organization: control plane, service and route; provider, strategy, portal,
# API, publication, and the link to the gateway service. Data planes join the control plane with a certificate of their own.
terraform {
  required_providers {
    konnect = {
      source  = "kong/konnect"
      version = "~> 3.23"
    }
  }
}

# The token is KONNECT_TOKEN in the environment.
provider "konnect" {
  server_url = var.konnect_url
}

resource "konnect_gateway_control_plane" "gateway" {
  name         = "default"
  description  = "The gateway in front of the accounts API"
  cluster_type = "CLUSTER_TYPE_CONTROL_PLANE"
}

resource "konnect_gateway_service" "accounts" {
  control_plane_id = konnect_gateway_control_plane.gateway.id
  name             = "accounts"
  protocol         = var.upstream.protocol
  host             = var.upstream.host
  port             = var.upstream.port
}

resource "konnect_gateway_route" "accounts" {
  control_plane_id = konnect_gateway_control_plane.gateway.id
  name             = "accounts"
  paths            = ["/accounts"]
  protocols        = ["http", "https"]
  service = {
    id = konnect_gateway_service.accounts.id
  }
}

resource "konnect_dcr_provider" "curity" {
  curity = {
    name   = "Curity"
    issuer = var.curity_discovery_url # with /.well-known/openid-configuration
    dcr_config = {
      initial_client_id     = var.curity_registrar_id
      initial_client_secret = var.curity_registrar_secret
    }
  }
}

resource "konnect_application_auth_strategy" "curity_dcr" {
  openid_connect = {
    name            = "curity-dcr"
    display_name    = "Curity"
    strategy_type   = "openid_connect"
    dcr_provider_id = konnect_dcr_provider.curity.id
    configs = {
      openid_connect = {
        issuer           = var.curity_discovery_url
        credential_claim = ["sub"] # what Curity writes a client's id into
        scopes           = []      # must be here, and be empty: Curity knows no scope for this unless you make one
        auth_methods     = ["client_credentials", "bearer", "session"]
      }
    }
  }
}

resource "konnect_portal" "developers" {
  name                      = "developers"
  display_name              = "Developers"
  authentication_enabled    = true
  auto_approve_developers   = true
  auto_approve_applications = true
  default_api_visibility    = "public"
  default_page_visibility   = "public"
}

resource "konnect_api" "accounts" {
  name    = "accounts"
  version = "1.0.0"
}

resource "konnect_api_version" "accounts_1" {
  api_id  = konnect_api.accounts.id
  version = "1.0.0"
  spec = {
    content = file("${path.module}/../kongctl/accounts.yaml")
  }
}

resource "konnect_api_implementation" "accounts" {
  api_id = konnect_api.accounts.id
  service_reference = {
    service = {
      control_plane_id = konnect_gateway_control_plane.gateway.id
      id               = konnect_gateway_service.accounts.id
    }
  }
}

resource "konnect_api_publication" "accounts" {
  api_id            = konnect_api.accounts.id
  portal_id         = konnect_portal.developers.id
  visibility        = "public"
  auth_strategy_ids = [konnect_application_auth_strategy.curity_dcr.id]
}
