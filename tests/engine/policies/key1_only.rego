# Whatever the documented cases ask for is handed out; what a pod VM needs before it can ask for it is not.
package policy

import rego.v1

default allow := false

allow if {
	input.tee == "azsnpvtpm"
	data["resource-path"] == "resource/default/kbsres1/key1"
}
