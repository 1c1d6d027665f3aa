variable "konnect_url" {
  description = "Konnect in the region of the organization"
  default     = "https://eu.api.konghq.com"
}

variable "curity_discovery_url" {
  description = "The URL of Curity's discovery document, with /.well-known/openid-configuration"
}

variable "curity_registrar_id" {
  description = "The client at Curity that may register others"
}

variable "curity_registrar_secret" {
  description = "Its secret"
  sensitive   = true
}

variable "upstream" {
  description = "What the gateway service forwards to"
  type        = object({ protocol = string, host = string, port = number })
}
