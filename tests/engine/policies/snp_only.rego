# A policy of a user's own, which says what the program's says of SNP.
package policy

import rego.v1

default allow := false

allow if input.tee == "azsnpvtpm"
