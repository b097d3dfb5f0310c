# What is asked for: the plugin is named beside the path.
asks_for_resource if {
	data.plugin == "resource"
	count(data["resource-path"]) == 3
}

resource := concat("/", data["resource-path"])
