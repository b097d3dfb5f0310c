// Package kubernetes stands for the generated SDK of the same path, which the provider links for three names and which
// takes half of its build and most of its size. What is here is all that the provider asks of it.
package kubernetes

import "reflect"

// UntypedArgs are the arguments of a resource of any kind.
type UntypedArgs map[string]any

// ElementType returns the type of the arguments once they are known.
func (UntypedArgs) ElementType() reflect.Type {
	return reflect.TypeFor[map[string]any]()
}
