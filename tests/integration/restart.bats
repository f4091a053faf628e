# SPDX-License-Identifier: MIT
# shellcheck shell=bats
# The daemon's ends and beginnings. Simulation has no ledger: leases end with the daemon, mappings and files do not.
load helper

@test "SIGTERM and SIGINT end the daemon with status 0 and free its socket's address" {
	start_daemon
	stop_daemon
	start_daemon
	kill -INT "$DAEMON"
	wait "$DAEMON"
	DAEMON=
	start_daemon
}

@test "a daemon that was killed is followed by one that takes over the stale socket" {
	start_daemon
	kill_daemon
	[ -S "$MMIOD_SOCKET" ]
	start_daemon
	mmioctl list
}

@test "a mapping outlives a daemon that was killed" {
	printf '[region disk]\nsize = 16K\nbacking = %s\n[grant disk]\nregion = disk\nuser = %s\naccess = rw\n' \
		"$T/disk" "$ME" >>"$T/sim.conf"
	start_daemon
	# shellcheck disable=SC2016 # the inner shell expands it
	background mmioctl hold disk -- bash -c \
		'while [ ! -e "$0/go" ]; do sleep 0.02; done; printf alive | dd of=/proc/self/fd/3 conv=notrunc status=none' \
		"$T"
	eventually leases_are 1
	kill_daemon
	touch "$T/go"
	expect_end 0
	expect_equal "$(head -c 5 "$T/disk")" alive
	start_daemon
	expect_equal "$(mmioctl read disk:8)" 0x61
}

@test "after a restart in simulation there are no leases, and the bytes are free" {
	start_daemon
	hold shm
	kill_daemon
	start_daemon
	expect_equal "$(leases)" 0
	mmioctl hold shm -- true
}

@test "hold says that the daemon went away and lives on" {
	start_daemon
	background mmioctl hold shm -- sh -c "while [ ! -e $T/go ]; do sleep 0.02; done; exit 5"
	eventually leases_are 1
	kill_daemon
	start_daemon
	touch "$T/go"
	expect_end 5
}

@test "a program goes on with a restarted daemon through the same client" {
	start_daemon
	hold shm/0x1000
	kill_daemon
	start_daemon
	kill -TERM "$JOB"
	# Its lease ended with the first daemon; giving it back to the second one does no harm.
	expect_end 0
}

@test "a daemon that is killed while clients come and go comes back to a clean state" {
	start_daemon
	for _ in 1 2 3 4 5; do
		background bash -c 'while :; do mmioctl hold shm/0x1000 -- true; done 2>/dev/null'
		sleep 0.1
		kill_daemon
		start_daemon
	done
	for job in "${JOBS[@]}"; do kill -KILL "$job"; wait "$job" || true; done
	eventually leases_are 0
}

@test "SIGTERM in the midst of requests ends the daemon cleanly" {
	start_daemon
	for _ in 1 2 3; do background bash -c 'while :; do mmioctl dump rom 8K; done >/dev/null 2>&1'; done
	sleep 0.2
	stop_daemon
}

@test "a lease of an earlier run is not the one that somebody has now" {
	start_daemon
	hold shm/0x1000
	first=$LEASE
	kill_daemon
	start_daemon
	hold shm+0x4000/0x1000
	[ "$LEASE" -gt "$first" ]
	run mmioctl free "$first"
	expect_status 3
	expect_equal "$(leases)" 1
}
