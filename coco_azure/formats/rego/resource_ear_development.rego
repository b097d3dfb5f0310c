# Who may have a resource of KBS, with EAR tokens (chapter 7.13.7): every attested guest but the sample attester.
package policy

import rego.v1

default allow := false

allow if {
	input.submods[submodule]["ear.status"] == "affirming"
	not sample
}

sample if {
	some appraisal in input.submods
	appraisal["ear.veraison.annotated-evidence"].sample
}
