# SPDX-License-Identifier: MIT
# shellcheck shell=bats disable=SC2016,SC2034,SC2154 # inner shells expand; the cluster reads and bats sets some
# Jobs of a node with one card: what they get, what is left of them, and what they are told.
NODES=(n0)
load cluster

gres_of() {
	echo mmio:fpga0:1,mmio:common:2
}

@test "srun has the option" {
	run srun --help
	expect_match '--mmio\[?=REGION'
}

@test "a job has the windows of its card, and its program takes them over" {
	run --separate-stderr job --gres=mmio:fpga0 --mmio "$C/bin/windowed"
	expect_status 0
	expect_match 'on n0: 2 windows, '
	expect_match 'fpga0-regs\+0x0/0x1000:32'
	expect_match 'window of 0x1000 bytes at 0x0, rw'
	expect_match 'window of 0x10000 bytes at 0x0, rw'
	expect_equal "$stderr" ''
	# Nothing but what the program wrote, for instance no line of a log, stands there.
	ctl n0 grant look --region fpga0-mem --user 0
	[ "$(ctl n0 save fpga0-mem - | tr -d '\0' | wc -c)" -le 4 ]
	ctl n0 ungrant look
}

@test "a job names a part of a region, to be read only" {
	run --separate-stderr job --gres=mmio:fpga0 --mmio=fpga0-regs+0x100/0x100:ro "$C/bin/windowed"
	expect_status 0
	expect_match ': 1 windows, [0-9]+@[0-9.]+\+0x100:fpga0-regs\+0x100/0x100:32'
	expect_match 'window of 0x100 bytes at 0x100, r$'
}

@test "the tasks of a step share its windows, and the ledger has each once" {
	run --separate-stderr job -n3 --gres=mmio:fpga0 --mmio=fpga0-mem "$C/bin/windowed"
	expect_status 0
	expect_equal "$(grep -c ': 1 windows, ' <<<"$output")" 3
	expect_equal "$(log_of n0 | grep -c "leased 0x0+0x10000 of fpga0-mem, read-write, by grant slurm-$(sed -n 's/^job \([0-9]*\) .*/\1/p;q' <<<"$output"):")" 1
}

@test "no descriptor of the windows is one that the job has for something else" {
	run --separate-stderr job --gres=mmio:fpga0 --mmio bash -c 'echo out; echo err >&2; ls -l /proc/self/fd'
	expect_status 0
	expect_equal "$stderr" err
	expect_equal "$(grep -c memfd <<<"$output")" 2
	expect_match ' 0 -> (pipe|/dev/null)'
	[[ ! $output =~ socket: ]]
}

@test "a batch script has its windows, and a step that wants none has none" {
	local id
	id=$(batch --gres=mmio:fpga0 --mmio=fpga0-regs <<<"$C/bin/windowed; srun -Q --mmio=none $C/bin/windowed")
	eventually is_over "$id"
	run cat "$C/out/$id.out"
	expect_match ': 1 windows, '
	expect_match ': 0 windows, none named'
	expect_equal "$(state_of "$id")" COMPLETED
}

@test "a job whose card another job has is queued, and runs when that one has ended" {
	local first second
	first=$(batch --gres=mmio:fpga0 --mmio <<<"$C/bin/windowed $C/out/first")
	eventually has_begun "$first"
	second=$(SUBMITTER=${USERS[1]} batch --gres=mmio:fpga0 --mmio <<<"$C/bin/windowed")
	eventually scontrol_says "$second" 'JobState=PENDING Reason=Resources'
	touch "$C/out/first"
	eventually is_over "$second"
	run cat "$C/out/$first.out" "$C/out/$second.out"
	expect_equal "$(grep -c ': 2 windows, ' <<<"$output")" 2
	expect_equal "$(state_of "$second")" COMPLETED
}

scontrol_says() { # JOB WORDS
	scontrol show job "$1" | grep -q "$2"
}

@test "what a killed job left is revoked and made safe before the next one starts" {
	local first second
	first=$(batch --gres=mmio:fpga0 --mmio=fpga0-mem <<-END
		(setsid $C/bin/mmioctl hold fpga0-regs >$C/out/left 2>&1 </dev/null &)
		until grep -q lease $C/out/left; do sleep 0.05; done
		touch $C/out/ready
		sleep infinity
	END
	)
	eventually [ -e "$C/out/ready" ]
	second=$(SUBMITTER=${USERS[1]} batch --gres=mmio:fpga0 --mmio <<<"$C/bin/windowed")
	as_user "${USERS[0]}" scancel -s KILL --full "$first"
	eventually is_over "$second"
	run cat "$C/out/left"
	expect_match "was revoked: user root \(uid 0\) ended \[grant slurm-$first\], which gave it"
	run log_of n0
	# In this order.
	expect_match "revoked: user root \(uid 0\) ended \[grant slurm-$first\].*gives grant slurm-$second to .*by grant slurm-$second: lease"
	expect_match "of region fpga0-regs has ended: wrote 0x0 to \+0x10"
	run cat "$C/out/$second.out"
	expect_match ': 2 windows, '
	expect_equal "$(state_of "$second")" COMPLETED
}

@test "a grant is the job's user's, lasts as long as the job may, and is over when it is" {
	local id
	id=$(SUBMITTER=${USERS[1]} batch -t 10 --gres=mmio:fpga0 <<<"until [ -e $C/out/go ]; do sleep 0.05; done")
	eventually has_begun "$id"
	ctl n0 policy --json -O >"$C/out/policy"
	expect_equal "$(jq -r '.grants[0] | .grant, .user, (.regions | join(" "))' "$C/out/policy" | xargs)" "slurm-$id ${USERS[1]} fpga0-*"
	jq -e '.grants[0].left | . > 600 and . <= 900' "$C/out/policy"
	touch "$C/out/go"
	eventually is_over "$id"
	expect_equal "$(ctl n0 policy --json | jq '.grants | length')" 0
}

@test "a region that does not exist is named, and the node stays in service" {
	local id
	run job --gres=mmio:fpga0 --mmio=nosuch true
	[ "$status" -ne 0 ]
	expect_match 'error: mmiod: there is no region "nosuch"'
	id=$(batch --gres=mmio:fpga0 --mmio=nosuch <<<'echo it ran')
	eventually is_over "$id"
	run cat "$C/out/$id.out"
	expect_match 'error: mmiod: there is no region "nosuch"'
	[[ ! $output =~ "it ran" ]]
	eventually nodes_idle
}

@test "a job that got no card is told what to ask for" {
	run job --mmio=fpga0-regs "$C/bin/windowed"
	[ "$status" -ne 0 ]
	expect_match 'mmiod: denied: .*Job [0-9]+ has no grant on this node: ask for a card by --gres, as --gres=mmio:TYPE'
	run job --mmio "$C/bin/windowed"
	[ "$status" -ne 0 ]
	expect_match 'has no grant on this node'
	[[ ! $output =~ windows, ]]
}

@test "a job that got a card is denied what the card is not" {
	run job --gres=mmio:fpga0 --mmio=motor "$C/bin/windowed"
	[ "$status" -ne 0 ]
	expect_match 'mmiod: denied: no grant lets user [^ ]+ \(uid [0-9]+\) read and write region motor'
}

@test "a step does not take what another job of its user got" {
	local other
	other=$(batch --gres=mmio:fpga0 <<<"until [ -e $C/out/go ]; do sleep 0.05; done")
	eventually has_begun "$other"
	run job --mmio=fpga0-mem "$C/bin/windowed"
	[ "$status" -ne 0 ]
	expect_match "job [0-9]+ did not get fpga0-mem: it is what job $other got, by --gres"
}

@test "a second step of a job is told who has the window" {
	local id
	id=$(batch --gres=mmio:fpga0 --mmio=fpga0-regs <<<'srun -Q true')
	eventually is_over "$id"
	run cat "$C/out/$id.out"
	expect_match 'mmiod: 0x0\+0x1000 of region fpga0-regs is held by user [^ ]+ \(uid [0-9]+\), pid [0-9]+ \(slurmstepd\), lease [0-9]+, exclusive'
}

@test "an option that is malformed is refused before the job is queued" {
	run job --gres=mmio:fpga0 --mmio=fpga0-regs:rx true
	[ "$status" -ne 0 ]
	expect_match '--mmio=fpga0-regs:rx: "rx" says nothing: write rw, ro, exclusive'
	run as_user "${USERS[0]}" sbatch --mmio=fpga0-regs+ --wrap true
	[ "$status" -ne 0 ]
	expect_match 'mmiod: --mmio=fpga0-regs\+: '
	[[ ! $output =~ Submitted ]]
	expect_equal "$(squeue -h)" ''
}

@test "a malformed option that no plugin refused ends its job, and the node stays in service" {
	local id
	mkdir "$C/out/forged"
	sed "s|^PlugStackConfig=.*|PlugStackConfig=$C/out/forged/plugstack.conf|" "$SLURM_CONF" >"$C/out/forged/slurm.conf"
	cp "$C/gres.conf" "$C/out/forged/"
	echo "required $C/forger.so" >"$C/out/forged/plugstack.conf"
	id=$(SLURM_CONF=$C/out/forged/slurm.conf batch --gres=mmio:fpga0 --mmio=fpga0-regs:rx <<<'echo it ran')
	eventually is_over "$id"
	run cat "$C/out/$id.out"
	expect_match 'mmiod: --mmio=fpga0-regs:rx: "rx" says nothing'
	[[ ! $output =~ "it ran" ]]
	eventually nodes_idle
}

@test "without a map in plugstack.conf the prolog grants nothing, and the job is told" {
	DISTURBED=yes
	plugstack "socket=$C/run/%n/sock"
	run job --gres=mmio:fpga0 --mmio "$C/bin/windowed"
	[ "$status" -ne 0 ]
	expect_match 'has no grant on this node: .*the prolog gave none: see gres= in plugstack.conf'
}

@test "access=r and share= in plugstack.conf bound what jobs may" {
	DISTURBED=yes
	plugstack "socket=$C/run/%n/sock" "gres=mmio:*:fpga0-mem" access=r share=shared-read
	run --separate-stderr job --gres=mmio:fpga0 --mmio "$C/bin/windowed"
	expect_status 0
	expect_match ': 1 windows, .*'
	expect_match 'at 0x0, r$'
	run job --gres=mmio:fpga0 --mmio=fpga0-mem "$C/bin/windowed"
	[ "$status" -ne 0 ]
	expect_match 'mmiod: denied: '
}

@test "two jobs have a card between them if its count and the share mode allow it" {
	local first second
	DISTURBED=yes
	plugstack "socket=$C/run/%n/sock" gres=mmio:common:common share=shared-write
	first=$(batch --gres=mmio:common --mmio <<<"echo \$MMIOD_WINDOWS; until [ -e $C/out/go ]; do sleep 0.05; done")
	second=$(SUBMITTER=${USERS[1]} batch --gres=mmio:common --mmio <<<"echo \$MMIOD_WINDOWS; until [ -e $C/out/go ]; do sleep 0.05; done")
	eventually grep -q :common "$C/out/$first.out"
	eventually grep -q :common "$C/out/$second.out"
	expect_equal "$(ctl n0 leases --json | jq -r '[.leases[].share] | unique | join(" ")')" shared-write
	run job --gres=mmio:fpga0 --mmio=common "$C/bin/windowed"
	[ "$status" -ne 0 ]
	touch "$C/out/go"
	eventually is_over "$first"
	eventually is_over "$second"
	expect_equal "$(state_of "$first") $(state_of "$second")" 'COMPLETED COMPLETED'
}

grants_are() {
	[ "$(ctl n0 policy --json | jq ".grants | length")" = "$1" ]
}

@test "of two jobs of one user on one card each has its windows under its own grant, and keeps them when the other ends" {
	local first second
	DISTURBED=yes
	plugstack "socket=$C/run/%n/sock" gres=mmio:common:common share=shared-write
	first=$(batch --gres=mmio:common --mmio <<<"echo \$MMIOD_WINDOWS; until [ -e $C/out/first ]; do sleep 0.05; done")
	eventually grep -q :common "$C/out/$first.out"
	second=$(batch --gres=mmio:common --mmio=common <<<"echo \$MMIOD_WINDOWS; until [ -e $C/out/second ]; do sleep 0.05; done")
	eventually grep -q :common "$C/out/$second.out"
	expect_equal "$(ctl n0 policy -O --json | jq -r '[.grants[] | "\(.grant)=\(.leases)"] | join(" ")')" "slurm-$first=1 slurm-$second=1"
	touch "$C/out/first"
	eventually is_over "$first"
	eventually grants_are 1
	expect_equal "$(ctl n0 leases --json | jq -r '[.leases[].region] | join(" ")')" common
	touch "$C/out/second"
	eventually is_over "$second"
	expect_equal "$(state_of "$first") $(state_of "$second")" 'COMPLETED COMPLETED'
}

@test "an argument in plugstack.conf that means nothing is named" {
	DISTURBED=yes
	plugstack "region=fpga0"
	run job true
	[ "$status" -ne 0 ]
	expect_match 'mmiod: plugstack.conf: there is no "region=fpga0": write gres='
}

@test "a node whose daemon does not answer gets no job that needs it" {
	local id
	DISTURBED=yes
	end_by_file "$C/run/mmiod-n0.pid"
	id=$(batch --gres=mmio:fpga0 --mmio <<<'echo it ran')
	eventually node_says DRAIN
	expect_match_file "$C/log/slurmd-n0.log" 'mmiod: no daemon: '
	scancel "$id"
	start_daemon_of n0
	[ ! -e "$C/out/$id.out" ] || ! grep 'it ran' "$C/out/$id.out"
}

node_says() { # WORD
	scontrol show node n0 | grep -q "State=.*$1"
}

expect_match_file() { # FILE PATTERN
	grep -qE "$2" "$1" || { echo "no $2 in $1:"; tail -n 20 "$1"; return 1; }
}
