# Who may have a resource of KBS (chapter 7.13.7): every attested guest but the sample attester.
package policy
default allow = false
allow {
  input["tee"] != "sample"
}
