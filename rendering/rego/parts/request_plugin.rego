# What is asked for: the plugin is named beside the path.
asks_for_resource if data.plugin == "resource"
