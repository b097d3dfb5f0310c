# Who may have a resource of KBS, with EAR tokens: a pod VM of Azure that the attestation policy affirms in each point,
# with a document that the resource is bound to.
# A status alone would not do: a claim that nobody made does not lower it.
package policy

import rego.v1

default allow := false

allow if {
	asks_for_resource
	[name | some name, _ in input.submods; startswith(name, "cpu")] == [submodule]
	every appraisal in input.submods {
		appraisal["ear.status"] == "affirming"
	}
	every claim in ["configuration", "executables", "hardware"] {
		value := input.submods[submodule]["ear.trustworthiness-vector"][claim]
		value >= 2
		value <= 31
	}
	azure_pod_vm
	may_have
}

azure_pod_vm if {
	evidence := input.submods[submodule]["ear.veraison.annotated-evidence"]
	count([attester | some attester in claims_of; evidence[attester]]) == 1
	not evidence.sample
}
