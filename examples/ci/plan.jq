# What a saved plan (pulumi preview --save-plan) is about, as outputs of a step: jq -r -f plan.jq plan.json
#   reboots  a KataConfig is made, replaced or deleted: nodes reboot
#   keys     a kept value is made or replaced: `pulumi up --plan` would fail, and print it (docs/ci.md); initdata of
#            workloads is shown in a Stash, too, and is the same in preview and run
def steps($kind): [.resourcePlans | to_entries[] | select(.key | contains($kind)) | .value.steps[]];
"reboots=\(steps("v1:KataConfig::") - ["same", "update", "refresh"] | length > 0)",
"keys=\(.resourcePlans |= with_entries(select(.key | endswith("::trust-chain-workload-initdata") | not))
  | steps("pulumi:index:Stash::") - ["same", "refresh"] | length > 0)"
