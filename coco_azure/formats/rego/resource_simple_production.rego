# Who may have a resource of KBS, with Simple tokens: a pod VM of Azure with a document that the resource is bound to.
# Such a token exists only if the attestation policy said yes.
package policy

import rego.v1

default allow := false

allow if {
	asks_for_resource
	some attester in claims_of
	input.tee == attester
	may_have
}
