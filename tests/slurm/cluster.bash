# SPDX-License-Identifier: MIT
# shellcheck shell=bash disable=SC2034,SC2154 # bats sets and reads some
# A cluster on this machine: munge, slurmctld, and a slurmd for each node, which is a name, a port and a daemon of ours in
# simulation. All of it lies in a directory of its own and knows nothing of what else runs here. Each file of tests has a
# cluster, and nodes are idle when a test begins.
#
# A node nX has a card fpgaX, which is a GRES of that type and the regions fpgaX-regs and fpgaX-mem.
#
# Where munge and Slurm themselves do not start, all tests are skipped with what they say. That is found out without our
# plugin, so that it cannot be the reason.

load ../integration/helper

USERS=(games news) # of whom Debian's base has accounts

setup_file() {
	umask 022
	BUILD=${MMIOD_BUILD:-$BATS_TEST_DIRNAME/../../build}
	C=$(mktemp -d "${TMPDIR:-/tmp}/mmiod-slurm.XXXXXX")
	export C BUILD SLURM_CONF=$C/slurm.conf WHY_NOT=''
	unset JOURNAL_STREAM NOTIFY_SOCKET LISTEN_FDS
	chmod 755 "$C"
	mkdir "$C/log" "$C/run" "$C/bin"
	mkdir -m 1777 "$C/out"
	cp "$BUILD/mmiod" "$BUILD/mmioctl" "$BUILD/tests/slurm/windowed" "$C/bin/"
	cp "$BUILD/spank_mmiod.so" "$BUILD/tests/slurm/forger.so" "$C/"
	WHY_NOT=$(lacks)
	[ -z "$WHY_NOT" ] || return 0
	start_daemons
	standard_plugstack
	start_cluster || { stop_cluster; blame; }
}

# Says why there can be no cluster here.
lacks() {
	local tool
	[ "$(id -u)" = 0 ] || { echo "only root can run the jobs of others"; return; }
	for tool in munged slurmctld slurmd srun; do
		command -v $tool >/dev/null || { echo "there is no $tool: tests/vm/prereqs slurm"; return; }
	done
	for tool in "${USERS[@]}"; do
		getent passwd "$tool" >/dev/null || { echo "there is no user $tool"; return; }
	done
}

# It did not start: whether it does without us decides whose fault that is.
blame() {
	local said
	said=$(tail -n 3 "$C"/log/*.log)
	: >"$C/plugstack.conf"
	if start_cluster; then
		echo "Slurm starts without the plugin, and not with it: $said"
		return 1
	fi
	stop_cluster
	WHY_NOT="Slurm does not start on this machine: $(tail -n 2 "$C/log/starting.log" | tr '\n' ' ')"
}

teardown_file() {
	stop_cluster
	stop_daemons
	rm -rf "$C"
}

# ---- our side ----

start_daemons() {
	local node
	for node in "${NODES[@]}"; do
		mkdir "$C/run/$node"
		cat >"$C/sim-$node.conf" <<-END
			[region fpga${node#n}-regs]
			size = 4K
			width = 32
			on-end = +0x10:32=0
			[region fpga${node#n}-mem]
			size = 64K
			[region common]
			size = 4K
			[region motor]
			size = 4K
		END
		start_daemon_of "$node"
	done
}

start_daemon_of() { # NODE
	RUNTIME_DIRECTORY=$C/run/$1 "$C/bin/mmiod" --simulate "$C/sim-$1.conf" --socket "$C/run/$1/sock" \
		>>"$C/log/mmiod-$1.log" 2>&1 </dev/null 3>&- 4>&- &
	echo $! >"$C/run/mmiod-$1.pid"
	eventually ctl "$1" status >/dev/null 2>&1
}

stop_daemons() {
	local node
	for node in "${NODES[@]}"; do
		end_by_file "$C/run/mmiod-$node.pid"
	done
}

end_by_file() { # FILE
	local pid
	[ -s "$1" ] && pid=$(cat "$1") || return 0
	kill -TERM "$pid" 2>/dev/null
	eventually not_running "$pid" || kill -KILL "$pid" 2>/dev/null
	rm -f "$1"
}

not_running() {
	# What nobody waits for is a zombie.
	[[ ! -e /proc/$1 || $(sed 's/.*) //' "/proc/$1/stat" 2>/dev/null) = Z* ]]
}

ctl() { # NODE VERB...
	"$C/bin/mmioctl" "${@:2}" --socket "$C/run/$1/sock" 3>&- 4>&-
}

log_of() { # NODE
	cat "$C/log/mmiod-$1.log"
}

# plugstack ARGUMENT...: what the plugin is told. All processes of Slurm's read it anew when they start.
plugstack() {
	echo "required $C/spank_mmiod.so $*" >"$C/plugstack.new"
	mv "$C/plugstack.new" "$C/plugstack.conf"
}

standard_plugstack() {
	local node maps=()
	for node in "${NODES[@]}"; do
		maps+=("gres=mmio:fpga${node#n}:fpga${node#n}-*")
	done
	plugstack "socket=$C/run/%n/sock" "${maps[@]}"
}

# ---- Slurm's side ----

# Ports that nobody listens on, out of the range of which the kernel gives some to connections.
free_ports() { # COUNT
	/usr/bin/python3 -c '
import random, socket, sys
held = []
while len(held) < int(sys.argv[1]):
    s = socket.socket()
    try:
        s.bind(("127.0.0.1", random.randrange(10000, 30000)))
        held.append(s)
    except OSError:
        s.close()
print(*(s.getsockname()[1] for s in held))' "$1"
}

slurm_config() { # HOST PORT...
	local node host=$1
	cat <<-END
		ClusterName=test
		SlurmctldHost=$host(127.0.0.1)
		SlurmctldPort=$2
		SlurmUser=root
		SlurmdUser=root
		AuthType=auth/munge
		AuthInfo=socket=$C/run/munge.sock
		CredType=cred/munge
		StateSaveLocation=$C/state
		SlurmdSpoolDir=$C/spool-%n
		SlurmctldPidFile=$C/run/slurmctld.pid
		SlurmdPidFile=$C/run/slurmd-%n.pid
		SlurmctldLogFile=$C/log/slurmctld.log
		SlurmdLogFile=$C/log/slurmd-%n.log
		SlurmctldTimeout=600
		SlurmdTimeout=600
		MessageTimeout=100
		KillWait=1
		MinJobAge=86400
		ProctrackType=proctrack/linuxproc
		TaskPlugin=task/none
		JobAcctGatherType=jobacct_gather/none
		SelectType=select/cons_tres
		SelectTypeParameters=CR_CPU
		SlurmdParameters=config_overrides
		SchedulerType=sched/builtin
		SchedulerParameters=batch_sched_delay=0,sched_min_interval=0,sched_interval=1,builtin_interval=1
		PrologFlags=Alloc
		ReturnToService=2
		GresTypes=mmio
		PlugStackConfig=$C/plugstack.conf
		MailProg=/bin/true
		PartitionName=all Nodes=ALL Default=YES MaxTime=INFINITE State=UP
	END
	shift 2
	for node in "${NODES[@]}"; do
		echo "NodeName=$node NodeAddr=127.0.0.1 NodeHostname=$host Port=$1 CPUs=16 Gres=$(gres_of "$node")"
		shift
	done
}

# Overridden by tests whose nodes have more.
gres_of() { # NODE
	echo "mmio:fpga${1#n}:1"
}

gres_config() {
	local node item
	for node in "${NODES[@]}"; do
		for item in $(gres_of "$node" | tr , ' '); do
			IFS=: read -r _ type count <<<"$item"
			echo "NodeName=$node Name=mmio Type=$type Count=$count Flags=CountOnly"
		done
	done
}

# Another process may have taken a port in the meantime.
start_cluster() {
	try_cluster || { stop_cluster; try_cluster; } || { stop_cluster; try_cluster; }
}

try_cluster() {
	local node host
	host=$(uname -n)
	rm -rf "$C/state"
	mkdir "$C/state"
	dd if=/dev/urandom of="$C/munge.key" bs=128 count=1 status=none
	chmod 400 "$C/munge.key"
	# shellcheck disable=SC2046 # ports are words
	slurm_config "${host%%.*}" $(free_ports $((${#NODES[@]} + 1))) >"$SLURM_CONF"
	gres_config >"$C/gres.conf"
	begin munged --force --key-file="$C/munge.key" --socket="$C/run/munge.sock" --pid-file="$C/run/munged.pid" \
		--log-file="$C/log/munged.log" --seed-file="$C/run/seed" && begin slurmctld -c || return
	for node in "${NODES[@]}"; do
		mkdir -p "$C/spool-$node"
		begin slurmd -N "$node" || return
	done
	eventually nodes_idle
}

nodes_idle() {
	local states
	states=$(sinfo -h -N -o %t 2>/dev/null | sort -u)
	[ "$states" = idle ]
}

# They go into the background by themselves once they have begun.
begin() { # COMMAND...
	local status=0
	"$@" >>"$C/log/starting.log" 2>&1 3>&- 4>&- || status=$?
	[ "$status" = 0 ] || echo "$1 ended with status $status" >>"$C/log/starting.log"
	return "$status"
}

stop_cluster() {
	local file
	for file in "$C"/run/slurmd-*.pid "$C/run/slurmctld.pid" "$C/run/munged.pid"; do
		end_by_file "$file"
	done
}

# ---- a test ----

setup() {
	T=$C
	[ -z "$WHY_NOT" ] || skip "$WHY_NOT"
	: >"$C/err"
	rm -rf "$C"/out/*
	cd / || return
}

teardown() {
	[ -z "$WHY_NOT" ] || return 0
	touch "$C/out/go"
	scancel --state=PENDING --state=RUNNING >/dev/null 2>&1 || true
	[ -z "${DISTURBED:-}" ] || mend
	if eventually no_jobs && eventually nodes_idle; then
		return 0
	fi
	sinfo -N -o '%N %t %E'
	tail -n 20 "$C"/log/slurm*.log
	return 1
}

mend() {
	standard_plugstack
	scontrol update nodename=ALL state=resume 2>/dev/null || true
}

no_jobs() {
	[ -z "$(squeue -h)" ]
}

# job OPTION... COMMAND...: as a user without rights. What hangs is ended: no test depends on how long it takes.
job() {
	as_user "${USERS[0]}" timeout 600 srun -Q "$@"
}

as_user() { # USER COMMAND...
	setpriv --reuid="$1" --regid="$(id -g "$1")" --clear-groups env HOME=/ "${@:2}" 3>&- 4>&-
}

# batch OPTION...: submits what is read as a script, and prints the job's number.
batch() {
	local script
	script=$(mktemp "$C/out/script.XXXXXX")
	{ echo '#!/bin/bash'; echo "touch $C/out/\$SLURM_JOB_ID.begun"; cat; } >"$script"
	chmod 755 "$script"
	as_user "${SUBMITTER:-${USERS[0]}}" sbatch --parsable -o "$C/out/%j.out" "$@" "$script"
}

# Slurm says RUNNING of a job whose prolog is not yet over.
has_begun() { # JOB
	[ -e "$C/out/$1.begun" ]
}

state_of() { # JOB
	scontrol show job "$1" 2>/dev/null | sed -n 's/.*JobState=\([A-Z_]*\).*/\1/p'
}

# Nobody has it any more: its epilog is over as well.
is_over() { # JOB
	case $(state_of "$1") in
	COMPLETED | FAILED | CANCELLED | TIMEOUT) ! squeue -h -j "$1" -t all -o %T 2>/dev/null | grep -q COMPLETING ;;
	*) false ;;
	esac
}
