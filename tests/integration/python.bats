# SPDX-License-Identifier: MIT
# shellcheck shell=bats
# The Python module: each test runs a class of python/test_mmiod.py, which starts daemons of its own.
load helper

python() { # CLASS
	[ -e "$BUILD/python/mmiod/_ext.abi3.so" ] || skip "the module was left out of the build (PYTHON=)"
	# The library of a sanitized build needs the sanitizer's own in Python.
	local preload=
	! grep -q __asan_init "$BUILD/libmmiod.so.0" || preload="$("${CC:-cc}" -print-file-name=libasan.so) $("${CC:-cc}" -print-file-name=libubsan.so)"
	PYTHONPATH=$BUILD/python PYTHONDONTWRITEBYTECODE=1 LD_LIBRARY_PATH=$BUILD LD_PRELOAD=$preload MMIOD_BUILD=$BUILD \
		ASAN_OPTIONS="detect_leaks=0:handle_sigbus=0:${ASAN_OPTIONS:-}" "${PYTHON:-/usr/bin/python3}" -X dev -W error -m unittest -v \
		"$BATS_TEST_DIRNAME/python/test_mmiod.py" ${1:+-k "$1."} 3>&- 4>&-
}

@test "python reads and writes registers in exactly their width" { python Access; }
@test "python has windows as buffers" { python Buffers; }
@test "python is told of a window that is lost, and does not die of it" { python Loss; }
@test "python asks for leases, and gives them back" { python Leases; }
@test "python finds the windows that it was given" { python Inherited; }
@test "python waits for leases and events in an event loop" { python Asynchronous; }
@test "python waits for interrupts" { python Interrupts; }
@test "python operates devices" { python Operations; }
@test "python has the classes of periphery and pynq" { python Compatible; }

@test "python's classes and functions say what they do" { python Documented; }

@test "python has windows as arrays of numpy" {
	"${PYTHON:-/usr/bin/python3}" -c 'import numpy' 2>/dev/null || skip "numpy is not installed"
	python Numpy
}

@test "python's module is of the limited api, and needs no library but ours" {
	[ -e "$BUILD/python/mmiod/_ext.abi3.so" ] || skip "the module was left out of the build (PYTHON=)"
	run readelf -d "$BUILD/python/mmiod/_ext.abi3.so"
	expect_match 'NEEDED.*libmmiod.so.0'
	[[ $output != *libpython* ]]
	# What only the whole API has begins so, with a few exceptions.
	run nm -D --undefined-only "$BUILD/python/mmiod/_ext.abi3.so"
	expect_match ' PyType_FromModuleAndSpec'
	expect_equal "$(grep -o ' _Py.*' <<<"$output" | grep -vE '_SizeT$|_Py_(NoneStruct|TrueStruct|FalseStruct|Dealloc|IncRef|DecRef)$')" ""
}
