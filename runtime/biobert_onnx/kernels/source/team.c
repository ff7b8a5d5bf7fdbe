/* A pool of threads for the whole process. A micro-batch borrows those that are free and gives them back when it ends; it
   never waits for one, as its result does not depend on their number. A free thread sleeps. After a fork the child has none
   and makes its own. */

#include "team.h"

#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#if defined(__x86_64__)
#define PAUSE() __builtin_ia32_pause()
#elif defined(__aarch64__)
#define PAUSE() __asm__ volatile("yield")
#else
#define PAUSE() ((void)0)
#endif

/* Looks at a value before a thread sleeps: about 50 us. Waking a sleeping thread takes as long, and a text meets 80
   times. */
enum { LOOKS = 4000 };

typedef struct helper {
    _Alignas(64) atomic_int has_work;
    pthread_mutex_t lock;
    pthread_cond_t wake;
    encode_part *encode;
    job *job;
    int part;
    struct helper *next_free;
} helper;

static pthread_mutex_t pool_lock = PTHREAD_MUTEX_INITIALIZER;
static helper *free_helpers;
static int helpers;

/* Sleepers of any team: a round that ends wakes them all, and each looks whether it was its own. */
static pthread_mutex_t meeting_lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t meeting_over = PTHREAD_COND_INITIALIZER;
static atomic_int sleepers;

void team_meet(team *team) {
    if (team->size == 1) return;
    const unsigned round = atomic_load_explicit(&team->round, memory_order_relaxed);
    if (atomic_fetch_add(&team->waiting, 1) + 1 == team->size) {
        atomic_store_explicit(&team->waiting, 0, memory_order_relaxed);
        atomic_store(&team->round, round + 1);
        if (atomic_load(&sleepers) > 0) {
            pthread_mutex_lock(&meeting_lock);
            pthread_cond_broadcast(&meeting_over);
            pthread_mutex_unlock(&meeting_lock);
        }
        return;
    }
    for (int i = 0; i < LOOKS; i++) {
        if (atomic_load_explicit(&team->round, memory_order_acquire) != round) return;
        PAUSE();
    }
    pthread_mutex_lock(&meeting_lock);
    atomic_fetch_add(&sleepers, 1);
    while (atomic_load(&team->round) == round) pthread_cond_wait(&meeting_over, &meeting_lock);
    atomic_fetch_sub(&sleepers, 1);
    pthread_mutex_unlock(&meeting_lock);
}

static void give_back(helper *helper) {
    pthread_mutex_lock(&pool_lock);
    helper->next_free = free_helpers;
    free_helpers = helper;
    pthread_mutex_unlock(&pool_lock);
}

static void wait_for_work(helper *helper) {
    for (int i = 0; i < LOOKS; i++) {
        if (atomic_load_explicit(&helper->has_work, memory_order_acquire)) return;
        PAUSE();
    }
    pthread_mutex_lock(&helper->lock);
    while (!atomic_load(&helper->has_work)) pthread_cond_wait(&helper->wake, &helper->lock);
    pthread_mutex_unlock(&helper->lock);
}

static void *help(void *argument) {
    helper *self = argument;
#if defined(__linux__)
    pthread_setname_np(pthread_self(), "biobert-kernels"); /* as `top -H` shows it */
#endif
    for (;;) {
        wait_for_work(self);
        atomic_store_explicit(&self->has_work, 0, memory_order_relaxed);
        job *job = self->job;
        self->encode(job, self->part);
        /* The job lives on the caller's stack: this thread must be free, and done with it, before the caller leaves. */
        give_back(self);
        atomic_fetch_sub_explicit(&job->team.waiting, 1, memory_order_release);
    }
    return NULL;
}

static void begin_work(helper *helper, encode_part *encode, job *job, int part) {
    helper->encode = encode;
    helper->job = job;
    helper->part = part;
    pthread_mutex_lock(&helper->lock);
    atomic_store(&helper->has_work, 1);
    pthread_cond_signal(&helper->wake);
    pthread_mutex_unlock(&helper->lock);
}

/* In a forked process: the parent's helpers are not here, and a lock may have been held. Their memory is left behind. */
static void begin_anew(void) {
    pthread_mutex_init(&pool_lock, NULL);
    pthread_mutex_init(&meeting_lock, NULL);
    pthread_cond_init(&meeting_over, NULL);
    atomic_store(&sleepers, 0);
    free_helpers = NULL;
    helpers = 0;
}

static pthread_once_t forks_are_watched = PTHREAD_ONCE_INIT;

static void watch_forks(void) { pthread_atfork(NULL, NULL, begin_anew); }

/* Make one more helper, or return NULL if there are enough or the system gives none; pool_lock is held. */
static helper *new_helper(void) {
    if (helpers >= MOST_THREADS) return NULL;
    helper *new = aligned_alloc(64, (sizeof *new + 63) / 64 * 64);
    if (new == NULL) return NULL;
    memset(new, 0, sizeof *new);
    pthread_mutex_init(&new->lock, NULL);
    pthread_cond_init(&new->wake, NULL);
    sigset_t all, before; /* signals are the business of the process' own threads */
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    pthread_t thread;
    const int failure = pthread_create(&thread, NULL, help, new);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (failure != 0) {
        free(new);
        return NULL;
    }
    pthread_detach(thread);
    helpers++;
    return new;
}

/* Take up to `wanted` helpers out of the pool; returns their number. */
static int borrow(helper **borrowed, int wanted) {
    int count = 0;
    pthread_mutex_lock(&pool_lock);
    while (count < wanted) {
        helper *one = free_helpers;
        if (one != NULL)
            free_helpers = one->next_free;
        else
            one = new_helper();
        if (one == NULL) break;
        borrowed[count++] = one;
    }
    pthread_mutex_unlock(&pool_lock);
    return count;
}

void run_on_team(encode_part *encode, job *job, int threads) {
    helper *borrowed[MOST_THREADS];
    pthread_once(&forks_are_watched, watch_forks);
    const int others = threads > 1 ? borrow(borrowed, threads - 1 < MOST_THREADS ? threads - 1 : MOST_THREADS) : 0;
    atomic_init(&job->team.waiting, 0);
    atomic_init(&job->team.round, 0);
    job->team.size = others + 1;
    for (int i = 0; i < others; i++) begin_work(borrowed[i], encode, job, i + 1);
    encode(job, 0);
    if (others == 0) return;
    /* All have met for the last time inside `encode`; now each says once that it has left. One that the system has taken
       off its CPU may need this thread's. */
    for (unsigned looks = 1; atomic_load_explicit(&job->team.waiting, memory_order_acquire) != -others; looks++) {
        if (looks % LOOKS == 0)
            sched_yield();
        else
            PAUSE();
    }
}
