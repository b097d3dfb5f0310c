# What a saved plan (pulumi preview --save-plan) is about, as outputs of a step: jq -r -f plan.jq plan.json
#   reboots  a KataConfig is made, replaced or deleted, or gets another spec: nodes reboot
#   keys     a kept value is made or replaced: `pulumi up --plan` would fail, and print it (docs/ci.md); initdata of
#            workloads, and what CAA was restarted for, are Stashes, too, and the same in preview and run
def steps($kind): [.resourcePlans | to_entries[] | select(.key | contains($kind)) | .value.steps[]];
def specs: [.resourcePlans | to_entries[] | select(.key | contains("v1:KataConfig::")) | .value.goal.inputDiff // {}
  | (.adds // {}, .updates // {} | keys[]), (.deletes // [])[] | select(. == "spec")];
"reboots=\((steps("v1:KataConfig::") - ["same", "update", "refresh"]) + specs | length > 0)",
"keys=\(.resourcePlans |= with_entries(select(.key | test("::(trust-chain-workload-initdata|peer-pods-caa-restarted)$") | not))
  | steps("pulumi:index:Stash::") - ["same", "refresh"] | length > 0)"
