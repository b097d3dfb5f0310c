# The verdict of a Simple token: yes or no.
default allow := false

allow if {
	hardware_good
	configuration_good
	executables_good
}
