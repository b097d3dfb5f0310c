# Somebody has left out the colon of an assignment.
package policy

default allow = false

allow { input.tee === "azsnpvtpm" }
