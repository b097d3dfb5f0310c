# PCR 8 as a Simple token carries it: the claims are a text of JSON, flattened behind the name of the attester.
initdata := value if {
	claims := json.unmarshal(input["tcb-status"])
	value := claims[concat(".", [input.tee, "tpm.pcr08"])]
}
