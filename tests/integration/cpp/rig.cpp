// SPDX-License-Identifier: MIT
#include "rig.hpp"

#include <cstring>
#include <sys/wait.h>
#include <unistd.h>

std::vector<test> &tests()
{
	static std::vector<test> all;

	return all;
}

void fail(const char *file, int line, const std::string &why)
{
	std::fprintf(stderr, "%s:%d: %s\n", file, line, why.c_str());
	std::_Exit(1);
}

std::string expect_error(int number, const attempt &tried)
{
	std::string why = " does not throw";

	try {
		tried.make(tried.call);
	} catch (const mmiod::error &caught) {
		if (caught.number() == number)
			return caught.what();
		why = " throws errno " + std::to_string(caught.number()) + ": " + caught.what();
	} catch (const std::exception &other) {
		why = std::string(" throws another exception: ") + other.what();
	}
	fail(tried.file, tried.line, tried.what + why);
}

int status_of_child(const std::function<void()> &body)
{
	int status = 0;
	const pid_t pid = fork();

	if (!pid) {
		body();
		std::_Exit(0);
	}
	EXPECT(waitpid(pid, &status, 0) == pid);
	return status;
}

void cut_backing(long length)
{
	const char *backing = std::getenv("MMIOD_TEST_BACKING");

	EXPECT(backing && truncate(backing, length) == 0);
}

lost_window lose_window(mmiod::client &client)
{
	cut_backing(8192);
	mmiod::lease lease = client.lease("file", mmiod::rw);
	mmiod::mapping mapping = lease.map();

	mapping.write<std::uint32_t>(0, 1);
	cut_backing(0);
	return { std::move(lease), std::move(mapping) };
}

int main(int argc, char **argv)
{
	int count = 0;

	EXPECT(argc == 2);
	for (const test &one : tests()) {
		if (std::strcmp(one.group, argv[1]))
			continue;
		std::fprintf(stderr, "%s\n", one.name);
		try {
			one.run();
		} catch (const std::exception &caught) {
			fail(one.name, 0, std::string("throws ") + caught.what());
		}
		count++;
	}
	if (!count)
		fail(argv[1], 0, "there is no such group");
	return 0;
}
