# SPDX-License-Identifier: MIT
# shellcheck shell=bats disable=SC2016,SC2034,SC2154 # inner shells expand; the cluster reads and bats sets some
# Three nodes, each with a card and a daemon of its own: which job runs where, and that none has what another has.
NODES=(n1 n2 n3)
load cluster

@test "a job runs where its card is" {
	local node
	for node in n2 n3 n1; do
		run --separate-stderr job "--gres=mmio:fpga${node#n}" --mmio "$C/bin/windowed"
		expect_status 0
		expect_match "on $node: 2 windows, .*:fpga${node#n}-regs"
	done
}

@test "a job on three nodes has on each what that node has" {
	local node
	run --separate-stderr job -N3 --gres=mmio:1 --mmio "$C/bin/windowed"
	expect_status 0
	for node in n1 n2 n3; do
		expect_match "on $node: 2 windows, [^ ]*:fpga${node#n}-regs[^ ]* [^ ]*:fpga${node#n}-mem"
	done
}

@test "a job that names a region of another node is told that there is none" {
	run job -w n1 --gres=mmio:fpga1 --mmio=fpga2-regs "$C/bin/windowed"
	[ "$status" -ne 0 ]
	expect_match 'slurmstepd-n1: error: mmiod: there is no region "fpga2-regs"'
}

@test "what a killed job left on one node is revoked there, and other nodes' jobs go on" {
	local gone stays
	stays=$(batch --gres=mmio:fpga3 --mmio <<<"$C/bin/windowed $C/out/go")
	gone=$(batch --gres=mmio:fpga2 <<-END
		(setsid $C/bin/mmioctl hold fpga2-mem >$C/out/left 2>&1 </dev/null &)
		until grep -q lease $C/out/left; do sleep 0.05; done
		touch $C/out/ready
		sleep infinity
	END
	)
	eventually [ -e "$C/out/ready" ]
	eventually has_begun "$stays"
	eventually grep -q windows, "$C/out/$stays.out"
	as_user "${USERS[0]}" scancel -s KILL --full "$gone"
	eventually is_over "$gone"
	expect_equal "$(ctl n2 leases --json | jq '.leases | length')" 0
	expect_equal "$(ctl n3 leases --json | jq '.leases | length')" 2
	grep -q "ended \[grant slurm-$gone\]" "$C/out/left"
	touch "$C/out/go"
	eventually is_over "$stays"
	expect_equal "$(state_of "$stays")" COMPLETED
}

# An array of jobs for each user.
hundred_jobs() {
	local user
	for user in "${USERS[@]}"; do
		SUBMITTER=$user batch --array=1-50 --gres=mmio:1 --mmio <<<"$C/bin/windowed"
	done
}

# The daemon's word for what it gave, as "JOB UID" a line, in order.
leased_on() { # NODE
	log_of "$1" | sed -nE "s/.*uid ([0-9]+), pid [0-9]+, leased .* of (fpga${1#n}-regs|fpga${1#n}-mem), .*, by grant slurm-([0-9]+): .*/\3 \1/p"
}

granted_on() { # NODE
	log_of "$1" | sed -nE "s/.*gives grant slurm-([0-9]+) to .*/\1/p"
}

@test "of a hundred jobs none has another's window" {
	local node
	for node in "${NODES[@]}"; do : >"$C/log/mmiod-$node.log"; done
	hundred_jobs
	eventually no_jobs
	run cat "$C"/out/*.out
	expect_equal "$(grep -c '^job [0-9]* on n[123]: 2 windows, ' <<<"$output")" 100
	expect_equal "$(grep -cv '^job\|^window of' <<<"$output")" 0
	# Each where its card is, and nowhere else.
	for node in "${NODES[@]}"; do
		expect_equal "$(grep "^job [0-9]* on $node:" <<<"$output" | grep -cv ":fpga${node#n}-regs+0x0/0x1000:32 [^ ]*:fpga${node#n}-mem+0x0/0x10000$")" 0
		leased_on "$node" >"$C/out/leased"
		# Two leases of a job after each other, of whom the grant is, and no job twice.
		expect_equal "$(uniq -c "$C/out/leased" | awk '$1 != 2' | wc -l)" 0
		expect_equal "$(granted_on "$node")" "$(uniq "$C/out/leased" | cut -d ' ' -f 1)"
		expect_equal "$(granted_on "$node" | sort | uniq -d)" ''
		[ "$(granted_on "$node" | wc -l)" -gt 0 ]
		expect_equal "$(ctl "$node" leases --json | jq '.leases | length')" 0
		expect_equal "$(ctl "$node" policy --json | jq '.grants | length')" 0
	done
	expect_equal "$(for node in "${NODES[@]}"; do granted_on "$node"; done | sort -u | wc -l)" 100
}
