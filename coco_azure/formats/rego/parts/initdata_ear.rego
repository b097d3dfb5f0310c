# PCR 8 as an EAR token carries it: in the evidence that the appraisal is about.
initdata := value if {
	some attester in claims_of
	value := input.submods[submodule]["ear.veraison.annotated-evidence"][attester].tpm.pcr08
}
