# What is asked for: before Trustee 1.1 a path that begins with the name of the plugin.
asks_for_resource if startswith(data["resource-path"], "resource/")

resource := trim_prefix(data["resource-path"], "resource/")
