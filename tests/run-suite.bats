#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# shellcheck disable=SC2016 # what the suites that it makes expand
# The runner of the service's suites says of a file what bats says of it, and refuses what it cannot do.

bats_require_minimum_version 1.5.0

setup()
{
	cd "$BATS_TEST_TMPDIR" || return
	cat >common.bash <<-'EOF'
		inner()
		{
			false
			true
		}
		contains() # TEXT PART
		{
			[[ $1 == *"$2"* ]] || { echo "not found: $2"; return 1; }
		}
	EOF
	echo 'load common.bash' >suite.bats
}

# From standard input; bats would take @test for a test of this file.
add()
{
	sed 's/^@TEST/@test/' >>suite.bats
}

ours()
{
	run "$BATS_TEST_DIRNAME/run-suite" suite.bats
}

# By bats, but for the case of TAP's directives.
theirs()
{
	env -i PATH="${PATH//"$BATS_LIBEXEC:"/}" HOME="$HOME" bats --tap suite.bats 2>&1 | sed 's/ # skip/ # SKIP/' || true
}

as_by_bats()
{
	ours
	diff <(theirs) - <<<"$output"
}

@test "tests that pass, fail and are skipped are reported as bats reports them" {
	add <<-'EOF'
		setup() { [ "$BATS_TEST_DESCRIPTION" != "fails in setup" ]; }
		teardown() { echo "teardown says"; [ -z "${bad_teardown:-}" ]; }
		@TEST "passes" {
			run sh -c 'printf "a\n\nb\n"; exit 3'
			[ "$status" = 3 ]
			[ "$output" = $'a\n\nb' ]
			[ "${lines[1]}" = b ]
			[ "${#lines[@]}" = 2 ]
			run true
			[ "$status$output${#lines[@]}" = 00 ]
			! false
		}
		@TEST "fails in a comparison" {
			run echo hello
			[ "$output" = bye ]
			echo never
		}
		@TEST "fails within a function" {
			inner
		}
		@TEST "fails with a status of its own, after one that is handled" {
			run false
			inner || echo handled
			sh -c 'exit 5'
		}
		@TEST "is skipped" {
			skip "no such luck"
			false
		}
		@TEST "is skipped without a reason" {
			skip
		}
		@TEST "fails in setup" {
			true
		}
		@TEST "fails in a line that goes on" {
			[ 1 = 1 ] &&
				[ 1 = 2 ]
		}
		@TEST "fails in a loop, (with 'odd' characters) & all" {
			for i in 1 2; do
				[ $i = 1 ]
			done
		}
		@TEST "passes behind all of these" {
			false || true
		}
	EOF
	as_by_bats
	[ "$status" = 1 ]
	[ "$(grep -c '^ok' <<<"$output")" = 4 ]
}

@test "run takes the status that is expected, and keeps what is said on standard error apart" {
	add <<-'EOF'
		bats_require_minimum_version 1.5.0
		@TEST "is on one line" { run -3 sh -c 'exit 3'; [ "$status" = 3 ]; }
		@TEST "fails as it was to" {
			run ! sh -c 'echo so; exit 3'
			[ "$status$output" = 3so ]
		}
		@TEST "says two things" {
			run --separate-stderr -- sh -c 'echo one; echo two >&2; echo three >&2; exit 1'
			[ "$status$output" = 1one ]
			[ "$stderr" = $'two\nthree' ]
			run -0 --separate-stderr true
			[ "$output$stderr" = "" ]
		}
	EOF
	as_by_bats
	[ "$status" = 0 ]
}

@test "a status that is not the expected one fails the test" {
	add <<-'EOF'
		@TEST "ends well" {
			run -3 true
			echo never
		}
		@TEST "ends well again" {
			run ! true
			echo never
		}
		@TEST "ends badly" {
			run -3 sh -c 'exit 4'
			echo never
		}
	EOF
	ours
	[ "$status" = 1 ]
	[ "$(grep -c '^not ok' <<<"$output")" = 3 ]
	[[ $output = *"\`run -3 true' failed"*"it ended with status 0, and not 3"*"and was to fail"*"it ended with status 4, and not 3"* ]]
	[[ $output != *never* ]]
}

@test "a suite whose tests all pass ends with 0" {
	add <<-'EOF'
		@TEST "one" {
			true
		}
	EOF
	as_by_bats
	[ "$status" = 0 ]
}

@test "a function that returns an error fails at the line of the test, by the name of the command" {
	add <<-'EOF'
		@TEST "looks for a part" {
			contains "some text" other
		}
	EOF
	ours
	[ "$status" = 1 ]
	[ "${lines[1]}" = "not ok 1 looks for a part" ]
	[ "${lines[2]}" = "# (in test file suite.bats, line 3)" ]
	[ "${lines[3]}" = "#   \`contains \"some text\" other' failed" ]
	[ "${lines[4]}" = "# not found: other" ]
}

@test "a test that ends before its end has failed, though it ends well" {
	add <<-'EOF'
		@TEST "exits" {
			exit 0
		}
		@TEST "has a variable that is not there" {
			set -u
			echo "$nothing_of_this_name"
		}
		@TEST "is killed" {
			kill -KILL $BASHPID
		}
		@TEST "goes on" {
			true
		}
	EOF
	ours
	[ "$status" = 1 ]
	[ "$(grep -E '^(not )?ok' <<<"$output")" = "not ok 1 exits
not ok 2 has a variable that is not there
not ok 3 is killed
ok 4 goes on" ]
	[[ $output = *"# it ended with status 0 before it had come to its end"* ]]
	[[ $output = *"nothing_of_this_name: unbound variable"* ]]
	[[ $output = *"# it ended with status 137"* ]]
}

@test "a teardown that fails fails its test" {
	add <<-'EOF'
		teardown() { false; }
		@TEST "one" {
			true
		}
	EOF
	ours
	[ "$status" = 1 ]
	[ "${lines[1]}" = "not ok 1 one" ]
	[[ $output = *"# teardown failed with status 1"* ]]
}

@test "a setup of the file that fails leaves its tests unreported" {
	add <<-'EOF'
		setup_file() { echo hello; false; }
		@TEST "one" {
			true
		}
		@TEST "two" {
			true
		}
	EOF
	ours
	[ "$status" = 1 ]
	[ "${lines[0]}" = 1..2 ]
	[ "${lines[1]}" = "not ok 1 setup_file failed" ]
	[ "${lines[2]}" = "# (from function \`setup_file' in test file suite.bats, line 2)" ]
	[[ $output = *"# hello"* && $output != *two* ]]
}

@test "a teardown of the file that fails is a failure of its own" {
	add <<-'EOF'
		teardown_file() { false; }
		@TEST "one" {
			true
		}
	EOF
	ours
	[ "$status" = 1 ]
	[ "${lines[1]}" = "ok 1 one" ]
	[ "${lines[2]}" = "not ok 2 teardown_file failed" ]
}

@test "what the file exports and each test's directory are there, and nothing of another test's" {
	add <<-'EOF'
		setup_file() { export exported=yes; }
		@TEST "one" {
			[ "$exported" = yes ]
			touch "$BATS_TEST_TMPDIR/mine" "$BATS_FILE_TMPDIR/ours"
			left=behind
		}
		@TEST "two" {
			[ -d "$BATS_TEST_TMPDIR" ] && [ ! -e "$BATS_TEST_TMPDIR/mine" ]
			[ -e "$BATS_FILE_TMPDIR/ours" ]
			[ -z "${left:-}" ]
			[ "$BATS_TEST_NUMBER" = 2 ]
		}
	EOF
	as_by_bats
	[ "$status" = 0 ]
}

@test "what it does not know is refused, not passed over" {
	echo '@TEST "costs $5" {' | add
	ours
	[ "$status" = 2 ]
	[[ $output = *'suite.bats:2: not the first line of a test: @test "costs $5" {'* ]]
	echo 'load common.bash' >suite.bats
	ours
	[ "$status" = 2 ]
	[[ $output = *"suite.bats: no tests"* ]]
	add <<-'EOF'
		@TEST "one" {
			run --keep-empty-lines true
		}
	EOF
	ours
	[ "$status" = 1 ]
	[[ $output = *"run-suite does not know the options of run: --keep-empty-lines"* ]]
}
