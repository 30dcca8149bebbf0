/* The only public C ABI of the core (libunleak.so). Used by the Python package through ctypes.
 *
 * Conventions. Handles are opaque; each is freed by its own *_free. Functions that can fail return 0 or an
 * unleak_code; the text of the last failure on this thread is unleak_error() (what and where) and
 * unleak_hint() (what to try), valid until the next call on this thread. Strings returned as `char*` are
 * UTF-8, NUL-terminated, owned by the caller and freed by unleak_string_free. JSON in and out is UTF-8.
 * Columns are returned as pointers into the handle, valid until it is freed. Thread safety: a handle is used
 * by one thread at a time; different handles are independent. No exception leaves the library. */
#ifndef UNLEAK_H
#define UNLEAK_H
#include <stddef.h>
#include <stdint.h>
#ifdef __cplusplus
extern "C" {
#endif
#define UNLEAK_API __attribute__((visibility("default")))

enum unleak_code { UNLEAK_OK = 0, UNLEAK_USAGE, UNLEAK_NOT_FOUND, UNLEAK_PERMISSION, UNLEAK_UNSUPPORTED, UNLEAK_CORRUPT,
                   UNLEAK_BUSY, UNLEAK_EXHAUSTED, UNLEAK_IO, UNLEAK_INTERNAL };

typedef struct unleak_snapshot unleak_snapshot; /* one look: columns and, once asked for, its graph */
typedef struct unleak_session unleak_session;   /* a diagnosis over many looks */

UNLEAK_API const char* unleak_version(void);
UNLEAK_API const char* unleak_error(void);
UNLEAK_API const char* unleak_hint(void);
UNLEAK_API void unleak_string_free(char* text);

/* --- looks. Live looks are taken by the process `unleak-capture serve` (see docs/architecture.md), which hands over a file descriptor. */
UNLEAK_API int unleak_snapshot_open(const char* path, unleak_snapshot** out);
UNLEAK_API int unleak_snapshot_open_fd(int fd, unleak_snapshot** out);       /* takes the descriptor over */
UNLEAK_API int unleak_snapshot_save(unleak_snapshot* s, const char* path);   /* atomic, 0600, compressed */
UNLEAK_API int unleak_snapshot_info(unleak_snapshot* s, char** json);        /* the `snapshots[]` entry of the document, and target facts */
UNLEAK_API void unleak_snapshot_free(unleak_snapshot* s);

/* --- looking around in one look; `options` is a JSON object or NULL, results are JSON */
UNLEAK_API int unleak_top(unleak_snapshot* s, const char* options, char** json);     /* {"by": "type|retained|holder", "limit": 30} */
UNLEAK_API int unleak_paths(unleak_snapshot* s, const char* what, const char* options, char** json);  /* address "0x..." or type name */
UNLEAK_API int unleak_cycles(unleak_snapshot* s, const char* options, char** json);
UNLEAK_API int unleak_memory(unleak_snapshot* s, const char* options, char** json);  /* the document's `memory`, with heaps, sizes and what pins them */
UNLEAK_API int unleak_diff(unleak_snapshot* a, unleak_snapshot* b, const char* options, char** json);
UNLEAK_API int unleak_audit(unleak_snapshot* s, const char* options, char** json);   /* reference counts against references, by type and object; {"limit": 30} */
UNLEAK_API int unleak_export(unleak_snapshot* s, const char* format, const char* path);  /* "heapsnapshot" */

/* --- diagnosis. Feed looks in order of time, ask what to do next, answer the questions, conclude. */
UNLEAK_API int unleak_session_new(const char* options, unleak_session** out); /* {"looks": 4, "duration_s": null, "run": false, ...} */
UNLEAK_API int unleak_session_add(unleak_session* d, unleak_snapshot* s);     /* folds the look in and takes the snapshot over (freed or kept as the last one, without its owned blocks) */
UNLEAK_API int unleak_session_make_room(unleak_session* d);                   /* drops the last look before the next is opened: half the memory; nothing can be concluded until one is added */
UNLEAK_API int unleak_session_next(unleak_session* d, char** json);           /* {"done": false, "wait_s": 3.0, "why": "...", "references": {...}} */
UNLEAK_API int unleak_session_observe(unleak_session* d, const char* reply);  /* what the helper saw of the "references" that `next` asked for */
UNLEAK_API int unleak_session_questions(unleak_session* d, char** json);      /* schema: docs/questions.md */
UNLEAK_API int unleak_session_conclude(unleak_session* d, const char* answers, char** json); /* verdict document, schema 1 */
UNLEAK_API int unleak_session_inherited(unleak_session* parent, unleak_session* child, const char* options, char** json); /* of the last looks: what a forked child shares with its parent, what it added, freed; {"limit": 5} types */
UNLEAK_API void unleak_session_free(unleak_session* d);

#ifdef __cplusplus
}
#endif
#endif
