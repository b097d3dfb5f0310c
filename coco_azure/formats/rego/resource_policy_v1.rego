# Who may have a resource of KBS (chapter 7.13.7, for engines of Rego v1): every attested guest but the sample attester.
package policy

import rego.v1

default allow := false

allow if input["tee"] != "sample"
