// The Kubernetes provider of Pulumi, for machines where its official plugin cannot be had.
//
// The Go module of the provider is served at one revision only, which lies between releases 4.24 and 4.25. Its command
// embeds a generated schema, which the module does not contain; resources are handled alike without it.
package main

import "github.com/pulumi/pulumi-kubernetes/provider/v4/pkg/provider"

// The version that the engine asks for, or it warns of a wrong plugin at every run. Behind the plus, which counts in no
// comparison, stands what it is: the revision in go.mod, which was to become 4.25.0.
const version = "4.34.2+built-from.4.25.0-alpha.f47bc2d6f199"

func main() {
	nothing := []byte("{}")
	provider.Serve("kubernetes", version, nothing, nothing)
}
