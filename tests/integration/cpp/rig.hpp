/* SPDX-License-Identifier: MIT */
/*
 * A harness for <mmiod/mmiod.hpp>: a program whose tests belong to groups; its argument is the group
 * to run. cpp.bats starts a daemon for each. What fails is told, and ends the program with 1.
 */
#ifndef RIG_HPP
#define RIG_HPP

#include <mmiod/mmiod.hpp>

#include <cstdio>
#include <cstdlib>
#include <functional>
#include <string>

struct test {
	const char *group;
	const char *name;
	void (*run)();
};

std::vector<test> &tests();

struct registration {
	registration(const char *group, const char *name, void (*run)())
	{
		tests().push_back({ group, name, run });
	}
};

#define TEST(group, id)                                              \
	static void id();                                            \
	static const registration register_##id(#group, #id, &(id)); \
	static void id()

[[noreturn]] void fail(const char *file, int line, const std::string &why);

#define EXPECT(condition)                                                  \
	do {                                                               \
		if (!(condition))                                          \
			fail(__FILE__, __LINE__, #condition " is not so"); \
	} while (0)

#define EXPECT_EQ(left, right) EXPECT((left) == (right))

/* Calls to be tried: what is compiled for each of them is this and no more. */
struct attempt {
	const char *file;
	int line;
	const char *what;
	const void *call;
	void (*make)(const void *call);
};

template <class Call>
attempt attempt_of(const char *file, int line, const char *what, const Call &call)
{
	return { file, line, what, &call,
		 [](const void *made) { (*static_cast<const Call *>(made))(); } };
}

/* The call throws an mmiod::error of this errno; returns its sentence. */
std::string expect_error(int number, const attempt &tried);

/* The call throws exactly this kind; returns what it says. */
template <class Exception> std::string expect_thrown(const attempt &tried)
{
	try {
		tried.make(tried.call);
	} catch (const Exception &caught) {
		return caught.what();
	} catch (const std::exception &other) {
		fail(tried.file, tried.line,
		     std::string(tried.what) + " throws another exception: " + other.what());
	}
	fail(tried.file, tried.line, std::string(tried.what) + " does not throw");
}

#define ATTEMPT(call) attempt_of(__FILE__, __LINE__, #call, [&] { call; })
#define EXPECT_THROW(Exception, call) expect_thrown<Exception>(ATTEMPT(call))
#define EXPECT_ERROR(number, call) expect_error(number, ATTEMPT(call))

inline bool contains(const std::string &text, const std::string &part)
{
	return text.find(part) != std::string::npos;
}

/* In a child: how it ended, as of waitpid(). */
int status_of_child(const std::function<void()> &body);

/* How long the file is that stands behind the region "file"; it has 8192 bytes at first. */
void cut_backing(long length);

/* A mapping whose memory has gone, as a revoked one's: the file behind it is cut short. */
struct lost_window {
	mmiod::lease lease;
	mmiod::mapping mapping;
};
lost_window lose_window(mmiod::client &client);

#endif
