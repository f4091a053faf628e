# SPDX-License-Identifier: MIT
# Tests in which system calls and allocations fail: one program for the daemon, one for the library, with wrap.c in place of
# what it wraps. Names beyond that list are the original's.
FAULTS_WRAPPED := malloc calloc realloc reallocarray aligned_alloc strdup asprintf free sendmsg send recvmsg recv ioctl open open64 openat fallocate \
	fopen fopen64 fdopen opendir memfd_create eventfd epoll_create1 socket ftruncate mmap mmap64 accept4 \
	getsockopt setsockopt epoll_ctl
FAULTS_LINK := $(FAULTS_WRAPPED:%=-Wl,--wrap=%)

FAULTS_DAEMON := $(B)/tests/faults/test-daemon-faults
FAULTS_OBJECTS := $(B)/tests/faults/test-daemon-faults.o $(B)/tests/faults/wrap.o
$(FAULTS_OBJECTS): OBJ_FLAGS += $(MMIOD_CFLAGS) -I. -Itests/unit/daemon -Wno-missing-prototypes
$(FAULTS_DAEMON): $(FAULTS_OBJECTS) $(MMIOD_TEST_HELPERS) $(MMIOD_ARCHIVE)
	$(CC) $(CFLAGS) $(LDFLAGS) $(FAULTS_LINK) -o $@ $^ $(MMIOD_LIBS) -lcriterion

UNIT_TESTS += $(FAULTS_DAEMON)
