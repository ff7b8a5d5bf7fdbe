/* Threads that compute one micro-batch together, and the job that they share. */

#ifndef TEAM_H
#define TEAM_H

#include <stdatomic.h>
#include <stdint.h>

#include "model.h"

enum { MOST_THREADS = 256 };

/* The meeting point of a team. It lies alone in its cache lines: all threads write there. */
typedef struct {
    _Alignas(64) atomic_int waiting;
    _Alignas(64) atomic_uint round;
    _Alignas(64) int size;
} team;

/* Wait until all threads of the team have come here. */
void team_meet(team *team);

/* One micro-batch on its way through the encoder. */
typedef struct {
    const model *model;
    const int64_t *ids;         /* (batch, tokens) */
    const int64_t *token_types; /* (batch, tokens), NULL if all are 0 */
    int batch, tokens;
    int output; /* enum output */
    float *out; /* (batch, hidden), or (batch, tokens, hidden) for tokens */
    uint8_t *workspace;
    team team;
} job;

/* Compute the part `part`, from 0 to team.size - 1, of a job; a kernel. */
typedef void encode_part(job *job, int part);

/* The bytes that a workspace needs, whichever the kernel. */
size_t workspace_size(const model *model, int batch, int tokens, int threads);

/* Compute `job` with `encode` on the calling thread and as many others as are free, `threads` in all at most. */
void run_on_team(encode_part *encode, job *job, int threads);

#endif
