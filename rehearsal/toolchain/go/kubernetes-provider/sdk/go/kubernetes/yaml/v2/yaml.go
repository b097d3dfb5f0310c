// Package yaml registers the resources of a YAML component, without a Go type for each kind.
package yaml

import "github.com/pulumi/pulumi/sdk/v3/go/pulumi"

// RegisterResource registers one object as a resource of its kind.
func RegisterResource(
	ctx *pulumi.Context, apiVersion, kind, name string, props pulumi.Input, opts ...pulumi.ResourceOption,
) (pulumi.CustomResource, error) {
	var resource pulumi.CustomResourceState
	err := ctx.RegisterResource("kubernetes:"+apiVersion+":"+kind, name, props, &resource, opts...)
	return &resource, err
}
