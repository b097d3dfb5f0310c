read_only(mount) if {
	"ro" in mount.options
	not "rw" in mount.options
}
