/* SPDX-License-Identifier: MIT */
#include "watch.h"

#ifdef CAN_WATCH
#include <mmiod/mmiod.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <ucontext.h>

#define TRAP_FLAG 0x100
#define ERROR_WRITE 2

struct notes notes;

static void note_access(int sig, siginfo_t *info, void *context)
{
	ucontext_t *state = context;

	if (notes.count == NOTES_MAX || (uint8_t *)info->si_addr < notes.page ||
	    (uint8_t *)info->si_addr >= notes.page + mmiod_page_size()) {
		signal(sig, SIG_DFL);
		return;
	}
	notes.offsets[notes.count] = (size_t)((uint8_t *)info->si_addr - notes.page);
	notes.writes[notes.count++] = state->uc_mcontext.gregs[REG_ERR] & ERROR_WRITE;
	mprotect(notes.page, mmiod_page_size(), PROT_READ | PROT_WRITE);
	state->uc_mcontext.gregs[REG_EFL] |= TRAP_FLAG;
}

static void close_again(int sig, siginfo_t *info, void *context)
{
	ucontext_t *state = context;

	mprotect(notes.page, mmiod_page_size(), PROT_NONE);
	state->uc_mcontext.gregs[REG_EFL] &= ~TRAP_FLAG;
}

void watch_setup(void)
{
	struct sigaction fault = { .sa_sigaction = note_access, .sa_flags = SA_SIGINFO };
	struct sigaction trap = { .sa_sigaction = close_again, .sa_flags = SA_SIGINFO };

	notes.page = mmap(NULL, mmiod_page_size(), PROT_READ | PROT_WRITE,
			  MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	memset(notes.page, UNTOUCHED, mmiod_page_size());
	sigaction(SIGSEGV, &fault, NULL);
	sigaction(SIGTRAP, &trap, NULL);
}

void watch(void)
{
	notes.count = 0;
	mprotect(notes.page, mmiod_page_size(), PROT_NONE);
}

void look(void)
{
	mprotect(notes.page, mmiod_page_size(), PROT_READ | PROT_WRITE);
}
#endif
