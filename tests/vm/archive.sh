# SPDX-License-Identifier: MIT
# shellcheck shell=bash
#
# Debian's archive as it is today (sourced after common.sh, never run): what versions there are, what apt resolves for
# one, and the newest for which every part is to be had.
#
# apt is asked with its own configuration and a state of ours, in which nothing is installed. A release that the host
# itself has in its sources is read from the host's package lists, without root, as long as they serve; when they do not
# (there are none yet, or the archive has dropped what they name) lists of our own are fetched into the cache, once in a
# run. A release that the host has not in its sources comes from the same mirrors and always has lists of its own.
#
# An archive is hardly ever at rest: parts of one version come hours apart, mirrors lag behind, lists are old, and there may
# be no network at all. So newest_to_be_had() takes what is whole, and says so when that is not the newest.

KEYRING=/usr/share/keyrings/debian-archive-keyring.gpg
# What a function that makes something exits with when the archive does not give all of it, and a script when the cache does
# not, either.
NOT_TO_BE_HAD=75
# A network that swallows packets should not hold us up for minutes.
NETWORK=(-o Acquire::Retries=1 -o Acquire::http::Timeout=20 -o Acquire::https::Timeout=20)

archive_release='' archive_root='' archive_extra=() archive_options=() archive_updated=''

# The host's apt with our state: options count more than anything that the host says.
archive_apt() # TOOL ARGUMENT...
{
	local tool=$1
	shift
	LC_ALL=C "$tool" "${archive_options[@]}" "$@"
}

configure() # LISTS
{
	local name
	mkdir -p "$archive_root"/{lists/partial,cache/archives/partial}
	[ -e "$archive_root/status" ] || : >"$archive_root/status"
	archive_options=(-o "Dir::State::lists=$1" -o "Dir::State::status=$archive_root/status"
			 -o "Dir::Cache=$archive_root/cache" -o Dir::Cache::pkgcache=packages
			 -o Dir::Cache::srcpkgcache= -o APT::Sandbox::User=root -o Acquire::Languages=none)
	# Index files that nobody reads here: only the lists of packages are.
	for name in $(apt-config dump Acquire::IndexTargets |
		      sed -n -E 's/^(Acquire::IndexTargets::[^ ]+)::MetaKey .*/\1/p' | grep -v '::Packages$'); do
		archive_options+=(-o "$name::DefaultEnabled=false")
	done
	archive_options+=("${archive_extra[@]}")
}

# Ours if they were fetched after the host's, which is so after the host's did not serve, or if the host has none.
configure_newer()
{
	local host
	host=$(apt-config shell lists Dir::State::lists/d | sed "s/^lists='\(.*\)'\$/\1/")
	if [ ${#archive_extra[@]} = 0 ] && ! [ "$archive_root/updated" -nt "$host" ] &&
	   compgen -G "$host/*_Packages*" >/dev/null; then
		configure "$host"
	else
		configure "$archive_root/lists"
	fi
}

# The Debian sources that the host has: URI, RELEASE as written, COMPONENT, code name, and where they are written.
host_sources()
{
	# shellcheck disable=SC2016 # apt's own $(...)
	archive_apt apt-get indextargets --format '$(ORIGIN)|$(REPO_URI) $(RELEASE) $(COMPONENT) $(CODENAME) $(SOURCESENTRY)' \
		'Created-By: Packages' | sed -n 's/^Debian|//p' | sort -u
}

# The options of the source at FILE:NUMBER that say whom to trust (a company's mirror has a key of its own); of a file in
# the one-line format NUMBER is the line, of the other the stanza.
trust() # FILE:NUMBER
{
	local file=${1%:*} number=${1##*:} found
	case $file in
	*.sources) found=$(awk -v RS= -v n="$number" 'NR == n' <(grep -v '^#' "$file") |
		sed -n -E 's/^(Signed-By|Trusted): *([^ ]+)$/\L\1\E=\2/Ip' | xargs) ;;
	*) found=$(sed -n "${number}s/.*\[\(.*\)\].*/\1/p" "$file" | tr ' ' '\n' | grep -E '^(signed-by|trusted)=' | xargs) || true ;;
	esac
	echo "[${found:-signed-by=$KEYRING}]"
}

# Sources of RELEASE (and its security and point updates) as the host's sources.list would have them.
archive_sources() # RELEASE
{
	local release=$1 uri name component codename entry
	host_sources | while read -r uri name component codename entry; do
		case $codename in
		"$release" | "$release"-security | "$release"-updates)
			echo "deb $(trust "$entry") $uri $name $component" ;;
		esac
	done | sort -u
}

# The same of a release that the host has not: from where it has its own.
foreign_sources() # RELEASE
{
	local uri name component codename entry
	host_sources | while read -r uri name component codename entry; do
		case $codename in
		*-security) echo "deb $(trust "$entry") $uri $1-security main" ;;
		*-*) ;;
		*) echo "deb $(trust "$entry") $uri $1 main"
		   echo "deb $(trust "$entry") $uri $1-backports main" ;;
		esac
	done | sort -u
}

# The sources of the release that is open.
archive_list() # RELEASE
{
	if [ ${#archive_extra[@]} = 0 ]; then
		archive_sources "$1"
	else
		grep -v -e -backports "$archive_root/sources.list"
	fi
}

# Proxies, time checks and the like: what makes apt work on this host makes it work for a root file system that is made.
archive_apt_options()
{
	apt-config dump --format '%f "%v";%n' Acquire |
		grep -v -E '^Acquire(::(IndexTargets|Changelogs|CompressionTypes|Languages|cdrom)[^ ]*)? '
}

# Fetches lists of our own, once in a run; in $archive_updated is yes, or no if the archive does not answer as it should.
archive_update()
{
	local before
	[ -z "$archive_updated" ] || return 0
	before=$(stat -c %Y "$archive_root/updated" 2>/dev/null) || true
	configure "$archive_root/lists"
	(
		exec 8>"$archive_root/lock"
		flock 8
		# Somebody else may have done it while we waited.
		[ "$(stat -c %Y "$archive_root/updated" 2>/dev/null)" = "$before" ] || exit 0
		STEP_LOG=$archive_root/log step "fetching the package lists of Debian's archive" \
			archive_apt apt-get update -qq --error-on=any "${NETWORK[@]}" 8>&- || exit
		touch "$archive_root/updated"
	) && archive_updated=yes || archive_updated=no
	[ $archive_updated = yes ] || touch "$archive_root/unanswered"
	configure_newer
}

# Makes apt know RELEASE: from here on archive_apt speaks of it. Of another ARCHITECTURE, as a machine of that kind would have
# it, with what is for this one beside it.
archive_open() # RELEASE [ARCHITECTURE]
{
	local sources
	archive_release=$1
	archive_root=$CACHE/apt/host archive_extra=() archive_updated=''
	configure_newer
	[ -n "$(host_sources)" ] || archive_update
	sources=$(archive_sources "$1")
	[ -z "$sources" ] || [ $# = 2 ] || return 0
	sources=${sources:-$(foreign_sources "$1")}
	# Without an answer there is no other place to ask, either.
	[ -n "$sources" ] || return 0
	archive_root=$CACHE/apt/$1${2:+-$2} archive_updated=''
	mkdir -p "$archive_root"
	echo "$sources" >"$archive_root/sources.list"
	archive_extra=(-o "Dir::Etc::sourcelist=$archive_root/sources.list" -o Dir::Etc::sourceparts=/dev/null
		       -o Dir::Etc::preferences=/dev/null -o Dir::Etc::preferencesparts=/dev/null)
	[ $# = 1 ] || archive_extra+=(-o "APT::Architecture=$2" -o "APT::Architectures::=$(dpkg --print-architecture)")
	configure_newer
	# Its lists are a day old at most; where the archive did not answer it is asked again an hour later.
	[ -n "$(find "$archive_root/updated" -mmin -1440 2>/dev/null)" ] ||
		[ -n "$(find "$archive_root/unanswered" -mmin -60 2>/dev/null)" ] || archive_update
}

# Packages whose whole name matches, NAME VERSION, the newest first.
archive_versions() # REGEX
{
	local names
	names=$(archive_apt apt-cache pkgnames | grep -xE -- "$1") || return 0
	# shellcheck disable=SC2086 # a list of words
	archive_apt apt-cache madison $names | sed -n -E 's/^ *([^ ]+) \| *([^ ]+) \| .* Packages$/\1 \2/p' |
		sort -u | sort -k2,2Vr -k1,1Vr
}

# NAME=VERSION and what these need in one version exactly: of that, apt would take its own candidate.
exactly() # NAME=VERSION...
{
	local todo=("$@") have=' ' item
	while [ ${#todo[@]} -gt 0 ]; do
		item=${todo[0]} todo=("${todo[@]:1}")
		[[ $have != *" $item "* ]] || continue
		have+="$item "
		mapfile -t -O ${#todo[@]} todo < <(archive_apt apt-cache show "$item" 2>/dev/null |
			sed -n 's/^\(Pre-\)\?Depends: //p' | head -n 1 | tr ',' '\n' |
			sed -n -E 's/^ *([^ :|]+)(:any)? \(= ([^ ]+)\) *$/\1=\3/p')
	done
	echo "${have:1}"
}

# What apt would install on a machine without any package, as far as the names match: NAME=VERSION.
archive_resolve() # REGEX NAME=VERSION...
{
	local regex=$1 answer prefer=()
	shift
	# Backports are taken only when asked for, and need each other.
	[[ $* != *~bpo* ]] || prefer=(-t "$archive_release-backports")
	# shellcheck disable=SC2046 # a list of words
	answer=$(archive_apt apt-get install -s -qq --no-install-recommends "${prefer[@]}" $(exactly "$@")) || return
	sed -n -E 's/^Inst ([^ ]+) \(([^ ]+) .*/\1=\2/p' <<<"$answer" | grep -E -- "^($regex)="
}

archive_download() # DIRECTORY NAME=VERSION...
{
	(cd "$1" && archive_apt apt-get download -qq "${NETWORK[@]}" "${@:2}")
}

# What it would install, downloaded into DIRECTORY.
archive_fetch() # DIRECTORY REGEX NAME=VERSION...
{
	local packages
	packages=$(archive_resolve "${@:2}") || return
	# shellcheck disable=SC2086 # a list of words
	archive_download "$1" $packages
}

# What apt complained of last, in its own words.
archive_reason()
{
	local reason
	reason=$(sed -n -E '/^E: | : Depends: /{s/^(E: )? *//;s/ *$//;p;q}' "$archive_root/log" 2>/dev/null) || true
	echo "${reason:-apt gave no reason}"
}

# A version that was not to be had after an update is let be for an hour: else each of a hundred runs would wait for it.
let_be() # NAME VERSION
{
	[ -n "$(find "$archive_root/let-be/$1=$2" -mmin -60 2>/dev/null)" ]
}

let_be_now() # NAME VERSION
{
	mkdir -p "$archive_root/let-be"
	touch "$archive_root/let-be/$1=$2"
}

try_version() # NAME VERSION: sets $place if it is there now
{
	local dir
	dir=$("$archive_where" "$1" "$2")
	if [ -e "$dir/.complete" ]; then
		place=$dir
		return
	fi
	! let_be "$1" "$2" || return 0
	attempt once "$dir" "$archive_make" "$dir" "$1" "$2"
	case $status in
	0) place=$dir ;;
	"$NOT_TO_BE_HAD") [ -z "$archive_updated" ] || let_be_now "$1" "$2" ;;
	*) exit $status ;;
	esac
}

# Any other: what the cache has, if the archive does not answer; else the newest whole one, but for a few tries only.
try_others() # REGEX
{
	local name version cached others
	cached=$("$archive_where" | tail -n 1)
	mapfile -t others < <(archive_versions "$1" | sed -n 2,5p)
	[ "$archive_updated" != no ] || [ -z "$cached" ] || others=()
	for version in "${others[@]}"; do
		read -r name version <<<"$version"
		try_version "$name" "$version"
		[ -z "$place" ] || return 0
	done
	place=$cached
}

archive_newest() # REGEX
{
	archive_versions "$1" | sed -n 1p
}

# newest_to_be_had REGEX WHERE MAKE: the directory in the cache of the newest package that matches, in $place.
#   WHERE NAME VERSION            prints which directory is for that
#   WHERE                         prints those of all versions that are complete, the newest last
#   MAKE DIRECTORY NAME VERSION   fills it, or exits with $NOT_TO_BE_HAD
# Not to be called where the shell goes on after errors: see attempt().
# shellcheck disable=SC2086 # $first is two words
newest_to_be_had()
{
	local first
	archive_where=$2 archive_make=$3 place=''
	first=$(archive_newest "$1")
	if [ -n "$first" ]; then
		try_version $first
	fi
	if [ -z "$place" ] && { [ -z "$first" ] || ! let_be $first; }; then
		archive_update
		first=$(archive_newest "$1")
		if [ -n "$first" ]; then
			try_version $first
		fi
	fi
	if [ -z "$place" ]; then
		try_others "$1"
		excuse "${first:-$1}"
	fi
	used "$place"
	forget_superseded
}

# Versions before the one that was taken, whatever modules were chosen for them.
forget_superseded()
{
	local dir older=()
	while read -r dir; do
		[ "${dir%+seeds-*}" != "${place%+seeds-*}" ] || break
		older+=("$dir")
	done < <("$archive_where")
	forget_unused 1 "${older[@]}"
}

# Why it is not the newest.
excuse() # WHAT
{
	if [ "$archive_updated" = no ]; then
		instead "Debian's archive does not answer"
	else
		instead "$1 is not to be had whole"
	fi
}

# What is taken in place of what could not be made, or the end.
instead() # WHY
{
	if [ -n "$place" ]; then
		say "$1; going on with $(basename "$place" | sed 's/+seeds-.*//')"
	else
		rm -rf "$archive_root"/{let-be,unanswered}
		say "$1, and ${CACHE/#"$HOME"/\~} holds none: connect this machine, or see to apt's sources ($(archive_reason))"
		exit "$NOT_TO_BE_HAD"
	fi
}
