# Nobody gets anything.
package policy

default allow = false
