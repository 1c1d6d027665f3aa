module dcrproof.invalid/suites/self/sdk-konnect-go

go 1.24

require github.com/Kong/sdk-konnect-go v0.2.14

require github.com/ericlagergren/decimal v0.0.0-20221120152707-495c53812d05 // indirect
