/* SPDX-License-Identifier: MIT */
/*
 * The part of <mmiod/mmiod.h> that lets structs of programs grow: what a program calls is inline
 * here, and hands the library the size that its struct has in this header. Exported are the
 * functions with that size, for bindings of other languages; their other arguments, results and
 * errors are those of the functions that they stand behind.
 */
#ifndef MMIOD_SIZED_H
#define MMIOD_SIZED_H

#ifndef MMIOD_H
#error "include <mmiod/mmiod.h>"
#endif

int mmiod_client_next_event_sized(struct mmiod_client *client, struct mmiod_event *event,
				  size_t size);
int mmiod_client_status_sized(struct mmiod_client *client, struct mmiod_status *status,
			      size_t size);
const struct mmiod_region *mmiod_region_list_find_sized(const struct mmiod_region_list *list,
							const struct mmiod_target *target,
							size_t size);
int mmiod_client_lease_many_sized(struct mmiod_client *client, const struct mmiod_want *wants,
				  size_t size, size_t count, unsigned int flags,
				  struct mmiod_lease **leases, int *errors);
int mmiod_wait_start_sized(struct mmiod_client *client, const struct mmiod_want *wants, size_t size,
			   size_t count, unsigned int flags, uint32_t wait_ms,
			   struct mmiod_wait **wait);
int mmiod_client_allocate_many_sized(struct mmiod_client *client,
				     const struct mmiod_allocation *wants, size_t size,
				     size_t count, unsigned int flags, struct mmiod_lease **leases,
				     int *errors);
int mmiod_client_buffer_sized(struct mmiod_client *client, uint64_t lease, uint64_t page,
			      struct mmiod_buffer *buffer, size_t size);
int mmiod_client_explain_sized(struct mmiod_client *client,
			       const struct mmiod_policy_question *question, size_t question_size,
			       struct mmiod_policy_answer *answer, size_t answer_size);
int mmiod_client_grant_sized(struct mmiod_client *client, const struct mmiod_grant *grant,
			     size_t size);
int mmiod_target_parse_sized(const char *text, struct mmiod_target *target, size_t target_size,
			     char *error, size_t size);
int mmiod_view_create_sized(enum mmiod_view_kind kind, const struct mmiod_view_part *parts,
			    size_t part_size, size_t count,
			    const struct mmiod_view_options *options, size_t options_size, int *fd,
			    char *error, size_t size);
int mmiod_slab_provider_from_pool_sized(struct mmiod_client *client,
					const struct mmiod_allocation *want, size_t size,
					struct mmiod_slab_provider **provider);
int mmiod_object_cache_create_sized(const struct mmiod_object_cache_options *options,
				    size_t options_size, struct mmiod_object_cache **cache,
				    char *error, size_t size);
void mmiod_object_cache_stats_sized(struct mmiod_object_cache *cache,
				    struct mmiod_object_cache_stats *stats, size_t size);

static inline int mmiod_client_next_event(struct mmiod_client *client, struct mmiod_event *event)
{
	return mmiod_client_next_event_sized(client, event, sizeof(*event));
}

static inline int mmiod_client_status(struct mmiod_client *client, struct mmiod_status *status)
{
	return mmiod_client_status_sized(client, status, sizeof(*status));
}

static inline const struct mmiod_region *mmiod_region_list_find(
	const struct mmiod_region_list *list, const struct mmiod_target *target)
{
	return mmiod_region_list_find_sized(list, target, sizeof(*target));
}

static inline int mmiod_client_lease_many(struct mmiod_client *client,
					  const struct mmiod_want *wants, size_t count,
					  unsigned int flags, struct mmiod_lease **leases,
					  int *errors)
{
	return mmiod_client_lease_many_sized(client, wants, sizeof(*wants), count, flags, leases,
					     errors);
}

static inline int mmiod_wait_start(struct mmiod_client *client, const struct mmiod_want *wants,
				   size_t count, unsigned int flags, uint32_t wait_ms,
				   struct mmiod_wait **wait)
{
	return mmiod_wait_start_sized(client, wants, sizeof(*wants), count, flags, wait_ms, wait);
}

static inline int mmiod_client_allocate_many(struct mmiod_client *client,
					     const struct mmiod_allocation *wants, size_t count,
					     unsigned int flags, struct mmiod_lease **leases,
					     int *errors)
{
	return mmiod_client_allocate_many_sized(client, wants, sizeof(*wants), count, flags, leases,
						errors);
}

static inline int mmiod_client_allocate(struct mmiod_client *client,
					const struct mmiod_allocation *want,
					struct mmiod_lease **lease)
{
	int n = mmiod_client_allocate_many(client, want, 1, 0, lease, NULL);

	return n < 0 ? n : 0;
}

static inline int mmiod_client_buffer(struct mmiod_client *client, uint64_t lease, uint64_t page,
				      struct mmiod_buffer *buffer)
{
	return mmiod_client_buffer_sized(client, lease, page, buffer, sizeof(*buffer));
}

static inline int mmiod_client_explain(struct mmiod_client *client,
				       const struct mmiod_policy_question *question,
				       struct mmiod_policy_answer *answer)
{
	return mmiod_client_explain_sized(client, question, sizeof(*question), answer,
					  sizeof(*answer));
}

static inline int mmiod_client_grant(struct mmiod_client *client, const struct mmiod_grant *grant)
{
	return mmiod_client_grant_sized(client, grant, sizeof(*grant));
}

static inline int mmiod_target_parse(const char *text, struct mmiod_target *target, char *error,
				     size_t size)
{
	return mmiod_target_parse_sized(text, target, sizeof(*target), error, size);
}

static inline int mmiod_view_create(enum mmiod_view_kind kind, const struct mmiod_view_part *parts,
				    size_t count, const struct mmiod_view_options *options, int *fd,
				    char *error, size_t size)
{
	return mmiod_view_create_sized(kind, parts, sizeof(*parts), count, options,
				       sizeof(*options), fd, error, size);
}

static inline int mmiod_slab_provider_from_pool(struct mmiod_client *client,
						const struct mmiod_allocation *want,
						struct mmiod_slab_provider **provider)
{
	return mmiod_slab_provider_from_pool_sized(client, want, sizeof(*want), provider);
}

static inline int mmiod_object_cache_create(const struct mmiod_object_cache_options *options,
					    struct mmiod_object_cache **cache, char *error,
					    size_t size)
{
	return mmiod_object_cache_create_sized(options, sizeof(*options), cache, error, size);
}

static inline void mmiod_object_cache_stats(struct mmiod_object_cache *cache,
					    struct mmiod_object_cache_stats *stats)
{
	mmiod_object_cache_stats_sized(cache, stats, sizeof(*stats));
}

#endif
