/*
 * A plug-in for QEMU's user emulation: how many instructions the emulated program takes between two marks, one line
 * "STAGE · INSTRUCTIONS" for each stage, in the order in which the stages end. A mark is the program's question whether a file
 * /counted/STAGE/begins or /counted/STAGE/ends exists. It changes nothing of what the program does.
 *
 *   qemu-aarch64 -plugin libcount.so,out=FILE PROGRAM        (built by scripts/bench-instructions)
 */
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

/* What is used of QEMU's plug-in interface, version 1; Debian packages no header of it. */
typedef uint64_t plugin_id;
struct translated_block;
typedef void (*on_translation)(plugin_id, struct translated_block *);
typedef void (*on_system_call)(plugin_id, unsigned cpu, int64_t number, uint64_t, uint64_t, uint64_t, uint64_t, uint64_t,
                               uint64_t, uint64_t, uint64_t);
enum inline_operation { INLINE_ADD };
extern size_t qemu_plugin_tb_n_insns(const struct translated_block *);
extern void qemu_plugin_register_vcpu_tb_trans_cb(plugin_id, on_translation);
extern void qemu_plugin_register_vcpu_tb_exec_inline(struct translated_block *, enum inline_operation, void *, uint64_t);
extern void qemu_plugin_register_vcpu_syscall_cb(plugin_id, on_system_call);

#define VISIBLE __attribute__((visibility("default")))
VISIBLE int qemu_plugin_version = 1;

static uint64_t executed, at_begin;
static char stage[64];
static FILE *out;

/* A block that is entered is counted whole: none is left in the middle but by a fault, and a system call ends one. */
static void translated(plugin_id id, struct translated_block *block)
{
    (void)id;
    qemu_plugin_register_vcpu_tb_exec_inline(block, INLINE_ADD, &executed, qemu_plugin_tb_n_insns(block));
}

static void mark(const char *path)
{
    char name[64], what[8];
    if (sscanf(path, "/counted/%63[a-z0-9-]/%7[a-z]", name, what) != 2)
        return;
    if (!strcmp(what, "begins")) {
        strcpy(stage, name);
        at_begin = executed;
    } else if (!strcmp(what, "ends") && !strcmp(stage, name)) {
        fprintf(out, "%s · %llu\n", name, (unsigned long long)(executed - at_begin));
        fflush(out);
        stage[0] = 0;
    }
}

/* Linux for aarch64: faccessat, newfstatat, statx. Its addresses are this process's own, as QEMU maps 64 bits on 64 bits. */
static void called(plugin_id id, unsigned cpu, int64_t number, uint64_t a1, uint64_t path, uint64_t a3, uint64_t a4, uint64_t a5,
                   uint64_t a6, uint64_t a7, uint64_t a8)
{
    (void)id, (void)cpu, (void)a1, (void)a3, (void)a4, (void)a5, (void)a6, (void)a7, (void)a8;
    if ((number == 48 || number == 79 || number == 291) && path)
        mark((const char *)(uintptr_t)path);
}

VISIBLE int qemu_plugin_install(plugin_id id, const void *info, int count, char **options)
{
    (void)info;
    if (count != 1 || strncmp(options[0], "out=", 4) || !(out = fopen(options[0] + 4, "w"))) {
        fputs("count-instructions: out=FILE is needed, a file that can be written\n", stderr);
        return 1;
    }
    qemu_plugin_register_vcpu_tb_trans_cb(id, translated);
    qemu_plugin_register_vcpu_syscall_cb(id, called);
    return 0;
}
