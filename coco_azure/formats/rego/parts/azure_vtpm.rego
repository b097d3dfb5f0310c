# The evidence's TEE, where it is exactly one of the two that pod VMs of Azure have. A sample attester has neither.
kinds := [kind | some kind, _ in claims_of; claim(kind, "tpm.pcr08")]

tee := kinds[0] if count(kinds) == 1

# Signatures are the verifier's business. A quote names its type of TEE and the vendor of the quoting enclave: TDX, Intel.
genuine if {
	tee == "snp"
	claim("snp", "measurement")
}

genuine if {
	tee == "tdx"
	claim("tdx", "quote.header.tee_type") == "81000000"
	claim("tdx", "quote.header.vendor_id") == "939a7233f79c4ca9940a0db3957f0607"
}

# A bit of the SNP guest policy that is off is "0" in Trustee 0.3 and 0.4, "false" in later ones; never a bare value.
off := {"0", "false"}

debug_off if {
	tee == "snp"
	claim("snp", "policy_debug_allowed") in off
}

# A TD's attributes are little-endian, and any bit of the first byte puts it under debug.
debug_off if {
	tee == "tdx"
	startswith(claim("tdx", "quote.body.td_attributes"), "00")
}
